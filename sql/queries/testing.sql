-- What the test helpers do to a queue that nobody else uses.

-- name: waiting_jobs
-- The jobs of a type that wait, the oldest first; of all types without one.
SELECT id, job_type, status, payload, priority, user_id, run_at - created_at, unique_key, debounce_key, gate, parents
FROM mesh.jobs WHERE job_type = coalesce(%(job_type)s::text, job_type) ORDER BY id;

-- name: lease_job
-- One waiting job under a lease of its own, whether or not it may run now. It has no slot of its gate unless it had one.
WITH taken AS (
    DELETE FROM mesh.jobs j WHERE j.id = %(id)s RETURNING j
), moves AS (
    INSERT INTO mesh.job_moves (job_type, source, target, count)
    SELECT (t.j).job_type, (t.j).status, 'running', 1 FROM taken t
), lease AS (
    INSERT INTO mesh.leases (owner, expires_at, size, jobs)
    SELECT 'test', clock_timestamp() + interval '1 hour', 1, ARRAY[CASE WHEN (t.j).status = 'blocked' THEN
        jsonb_populate_record(t.j, '{"status": "scheduled", "blocked_by": null}') ELSE t.j END]
    FROM taken t RETURNING token, jobs
)
SELECT l.token, j.id, j.job_type, j.priority, j.payload::text, j.payload_version, j.user_id, j.attempts + 1, j.max_attempts,
       j.rescues, j.created_at, j.seq, j.timeout_ms, j.traceparent, coalesce(j.parents, '{}')
FROM lease l CROSS JOIN unnest(l.jobs) AS j;

-- name: job_end
-- What became of a job.
SELECT state, result, errors -> -1 ->> 'error' FROM mesh.job_state(%(id)s);

-- name: travel_jobs
-- Jobs that wait have waited for so much longer.
UPDATE mesh.jobs SET run_at = run_at - %(by)s::interval, created_at = created_at - %(by)s::interval;

-- name: travel_keys
-- Windows of unique keys are so much closer to their end.
UPDATE mesh.job_keys SET expires_at = expires_at - %(by)s::interval WHERE expires_at IS NOT NULL;

-- name: travel_gates
-- Rates have had so much longer to refill their gates.
UPDATE mesh.gates SET refilled_at = refilled_at - %(by)s::interval WHERE rate IS NOT NULL;

-- name: travel_leases
-- Leases of callers over RPC are so much closer to their end. Those of workers live as long as the workers.
UPDATE mesh.leases SET expires_at = expires_at - %(by)s::interval WHERE expires_at IS NOT NULL;

-- name: travel_schedules
-- Schedules fire as they would have in that time, once for all that was missed. Only the database's clock decides, and it
-- stands still, so `before` says how far tests have travelled already.
WITH now AS (
    SELECT clock_timestamp() + %(before)s::interval + %(by)s::interval AS at
), due AS (
    SELECT s.*, mesh.cron_latest(s.cron, s.timezone, s.next_at + %(before)s::interval, now.at) AS fire_at
    FROM mesh.schedules s CROSS JOIN now WHERE NOT s.paused AND s.next_at + %(before)s::interval <= now.at
), fired AS (
    INSERT INTO mesh.schedule_runs (schedule, fire_at, job_id)
    SELECT d.name, d.fire_at, mesh.uuidv7() FROM due d WHERE d.fire_at IS NOT NULL ON CONFLICT DO NOTHING
    RETURNING schedule, job_id
), enqueued AS (
    SELECT mesh.enqueue(d.job_type, d.payload, d.priority, max_attempts => d.max_attempts,
                        payload_version => d.payload_version, id => f.job_id) AS id
    FROM fired f JOIN due d ON d.name = f.schedule
), shifted AS (
    UPDATE mesh.schedules s
    SET next_at = CASE WHEN s.name IN (SELECT d.name FROM due d) THEN mesh.cron_next(s.cron, s.timezone, now.at)
                       ELSE s.next_at + %(before)s::interval END - %(before)s::interval - %(by)s::interval
    FROM now
)
SELECT count(id) FROM enqueued;

-- name: tick
-- Does what time does to the queue.
SELECT mesh.tick();
