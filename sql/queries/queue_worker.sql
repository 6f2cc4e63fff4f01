-- What a worker asks about the jobs that it runs; what these do stands with the functions in sql/migrations/*_queue_*.sql.

-- name: cancellations
-- The running jobs that somebody wants to end, whoever runs them: few, for each goes as its job does.
SELECT job_id FROM mesh.cancellations;

-- name: cancel_leased
-- Jobs of one lease end because somebody asked for that; returns how many were accepted.
SELECT mesh.cancel_leased(%(token)s, %(ids)s::uuid[]);

-- name: set_progress
-- What a running job says of itself; nothing when it has left the lease.
SELECT mesh.set_progress(%(job)s::uuid, %(token)s, %(fraction)s::real, %(note)s);

-- name: parent_results
-- The results of those of these jobs that have completed and are still in history.
SELECT id, result FROM mesh.history WHERE id = ANY (%(parents)s::uuid[]) AND status = 'completed';
