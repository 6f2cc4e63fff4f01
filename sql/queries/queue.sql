-- The statements of the queue's clients; what they do stands with the functions in sql/migrations/*_queue_*.sql.

-- name: register_worker
-- A new row for a worker that lives for `lease` from now on; repeated when the first answer was lost.
INSERT INTO mesh.workers (id, name, types, expires_at)
VALUES (%(worker)s, %(name)s, %(types)s, clock_timestamp() + %(lease)s)
ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at;

-- name: renew_worker
-- Extends the life of a worker; no row when it was declared dead.
UPDATE mesh.workers SET expires_at = clock_timestamp() + %(lease)s, types = %(types)s::text[]
WHERE id = %(worker)s RETURNING id;

-- name: unregister_worker
-- The worker goes; the leases that it still has are rescued at the next tick.
DELETE FROM mesh.workers WHERE id = %(worker)s;

-- name: lane_floors
-- Where the next claims may begin in each lane of the types.
SELECT mesh.lane_floors(%(types)s::text[], %(alone)s);

-- name: claim_batch
-- Leases jobs from one lane of the types, the named one first, above the floors; `sleepy` marks the worker as idle when there
-- is nothing, and only a worker that is `alone` gets jobs that may have killed others.
SELECT * FROM mesh.claim_batch(
    %(worker)s, %(types)s::text[], %(most)s, %(sleepy)s, %(alone)s, %(floors)s::bigint[], %(named)s::integer
);

-- name: complete_jobs
-- Jobs of one lease have ended well; returns how many of them were accepted.
SELECT mesh.complete_jobs(%(token)s, %(ids)s::uuid[], %(results)s::jsonb[], %(durations)s::integer[]);

-- name: complete_leases
-- Whole leases have ended well; returns those that it has ended, and how many jobs of each were accepted.
SELECT token, accepted FROM mesh.complete_leases(%(tokens)s::bigint[], %(ids)s::uuid[], %(results)s::jsonb[], %(durations)s::integer[]);

-- name: fail_jobs
-- Jobs of one lease have failed: they are retried later or buried; returns how many were accepted.
SELECT mesh.fail_jobs(%(token)s, %(failures)s::jsonb);

-- name: release_jobs
-- Jobs of one lease go back unharmed; returns how many were accepted.
SELECT mesh.release_jobs(%(token)s, %(ids)s::uuid[], %(delay)s::interval);

-- name: release_strays
-- Leases of the worker that it doesn't know of go back.
SELECT mesh.release_strays(%(worker)s, %(known)s::bigint[]);

-- name: held_jobs
-- Which of these jobs are still in the lease.
SELECT j.id FROM mesh.leases l CROSS JOIN unnest(l.jobs) AS j
WHERE l.token = %(token)s AND j.id = ANY (%(ids)s::uuid[])
  AND NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = j.id);

-- name: tick
-- Does what time does to the queue; returns the seconds until something is due.
SELECT mesh.tick(make_interval(days => %(keep_days)s::integer));
