-- What people ask of the queue, from the command line and over HTTP. Ids are UUIDv7, so their order is that of creation.

-- name: list_jobs
-- Jobs in any state, the newest first, with what must not be shown of their payloads.
SELECT k.*, coalesce(t.secrets, '{}') AS secrets
FROM (SELECT * FROM mesh.known_jobs
      WHERE (%(ids)s::uuid[] IS NULL OR id = ANY (%(ids)s::uuid[]))
        AND (%(types)s::text[] IS NULL OR job_type = ANY (%(types)s::text[]))
        AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]))
        AND (%(since)s::timestamptz IS NULL
             OR created_at >= %(since)s::timestamptz AND (ended_at IS NULL OR ended_at >= %(since)s::timestamptz))
        AND (%(user_id)s::text IS NULL OR user_id = %(user_id)s::text)
        AND (%(error)s::text IS NULL OR position(lower(%(error)s::text) IN lower(errors -> -1 ->> 'error')) > 0)
      ORDER BY id DESC LIMIT %(limit)s) AS k
LEFT JOIN mesh.job_types t ON t.name = k.job_type
ORDER BY k.id DESC;

-- name: matching_jobs
-- The ids of the jobs that a filter means, after an id, in their order.
SELECT id FROM mesh.known_jobs
WHERE id > %(after)s::uuid
  AND (%(ids)s::uuid[] IS NULL OR id = ANY (%(ids)s::uuid[]))
  AND (%(types)s::text[] IS NULL OR job_type = ANY (%(types)s::text[]))
  AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]))
  AND (%(since)s::timestamptz IS NULL
       OR created_at >= %(since)s::timestamptz AND (ended_at IS NULL OR ended_at >= %(since)s::timestamptz))
  AND (%(user_id)s::text IS NULL OR user_id = %(user_id)s::text)
  AND (%(error)s::text IS NULL OR position(lower(%(error)s::text) IN lower(errors -> -1 ->> 'error')) > 0)
ORDER BY id LIMIT %(limit)s;

-- name: count_jobs
-- How many jobs a filter means, by type and state.
SELECT job_type, state, count(*) FROM mesh.known_jobs
WHERE (%(ids)s::uuid[] IS NULL OR id = ANY (%(ids)s::uuid[]))
  AND (%(types)s::text[] IS NULL OR job_type = ANY (%(types)s::text[]))
  AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]))
  AND (%(since)s::timestamptz IS NULL
       OR created_at >= %(since)s::timestamptz AND (ended_at IS NULL OR ended_at >= %(since)s::timestamptz))
  AND (%(user_id)s::text IS NULL OR user_id = %(user_id)s::text)
  AND (%(error)s::text IS NULL OR position(lower(%(error)s::text) IN lower(errors -> -1 ->> 'error')) > 0)
GROUP BY job_type, state ORDER BY job_type, state;

-- name: jobs_between
-- The ids from one to another: those that begin alike.
SELECT DISTINCT id FROM mesh.known_jobs WHERE id BETWEEN %(first)s::uuid AND %(last)s::uuid ORDER BY id LIMIT 3;

-- name: jobs_ending_with
-- The ids that end like this; they are all looked at.
SELECT DISTINCT id FROM mesh.known_jobs WHERE right(id::text, %(length)s) = %(ending)s ORDER BY id LIMIT 3;

-- name: job_surroundings
-- What a job's row does not say: its progress, whether its cancellation was asked for, and who waits for it.
SELECT p.fraction, p.note, p.updated_at, c.requested_at, k.payload, coalesce(t.secrets, '{}') AS secrets,
       ARRAY(SELECT e.parent_id FROM mesh.job_edges e WHERE e.child_id = wanted.id ORDER BY 1) AS waits_for,
       ARRAY(SELECT e.child_id FROM mesh.job_edges e WHERE e.parent_id = wanted.id ORDER BY 1) AS waited_for_by
FROM (SELECT %(id)s::uuid AS id) AS wanted
LEFT JOIN mesh.known_jobs k ON k.id = wanted.id
LEFT JOIN mesh.job_types t ON t.name = k.job_type
LEFT JOIN mesh.job_progress p ON p.job_id = wanted.id
LEFT JOIN mesh.cancellations c ON c.job_id = wanted.id;

-- name: types
-- The job types, with the living workers that run each.
SELECT t.name, t.paused, t.secrets, t.created_at,
       (SELECT count(*) FROM mesh.workers w WHERE w.expires_at > clock_timestamp() AND t.name = ANY (w.types)) AS workers
FROM mesh.job_types t ORDER BY t.name;

-- name: set_paused
-- Pauses types or lets them go on; returns those that there are.
UPDATE mesh.job_types SET paused = %(paused)s WHERE name = ANY (%(types)s::text[]) RETURNING name;

-- name: wake_workers
-- Notifies the workers, if any of them sleeps.
SELECT mesh.wake_workers();

-- name: workers
-- The worker processes, with how many jobs each holds.
SELECT id, name, types, idle, alive, started_at, expires_at, jobs, oldest_claim FROM mesh.queue_workers();

-- name: now
-- The database's clock.
SELECT clock_timestamp() AS now;

-- name: cancel_jobs
-- Takes out waiting jobs, and asks for the end of running ones.
SELECT id, outcome FROM mesh.cancel_jobs(%(ids)s::uuid[]);

-- name: redrive_jobs
-- Dead letters become jobs again.
SELECT id, outcome FROM mesh.redrive_jobs(%(ids)s::uuid[]);

-- name: retry_jobs
-- Jobs that wait for their time run now; returns how many.
SELECT mesh.retry_jobs(%(ids)s::uuid[]) AS jobs;

-- name: purge_dead
-- Dead letters are deleted; returns how many.
SELECT mesh.purge_dead(%(ids)s::uuid[]) AS jobs;

-- name: stats
-- The figures of each job type.
SELECT * FROM mesh.queue_stats();

-- name: health
-- Whether the queue is well, and the reasons if not.
SELECT healthy, reasons FROM mesh.queue_health();

-- name: schedules
-- The schedules, with what must not be shown of their payloads and when each fired last.
SELECT s.*, coalesce(t.secrets, '{}') AS secrets, last.fire_at AS last_at, last.job_id AS last_job
FROM mesh.schedules s
LEFT JOIN mesh.job_types t ON t.name = s.job_type
LEFT JOIN LATERAL (SELECT r.fire_at, r.job_id FROM mesh.schedule_runs r WHERE r.schedule = s.name
                   ORDER BY r.fire_at DESC LIMIT 1) AS last ON true
ORDER BY s.name;

-- name: remove_schedule
-- Whether there was one.
SELECT mesh.remove_schedule(%(name)s) AS done;

-- name: pause_schedule
-- Whether there is one.
SELECT mesh.pause_schedule(%(name)s, %(paused)s) AS done;

-- name: run_schedule
-- Enqueues the job of a schedule now, beside its times; no row when there is none of that name.
SELECT mesh.enqueue(s.job_type, s.payload, s.priority, max_attempts => s.max_attempts, payload_version => s.payload_version) AS id
FROM mesh.schedules s WHERE s.name = %(name)s;

-- name: cron_times
-- The next times that an expression means, in its time zone.
WITH RECURSIVE times (at, number) AS (
    SELECT mesh.cron_next(%(cron)s, %(timezone)s, clock_timestamp()), 1
    UNION ALL
    SELECT mesh.cron_next(%(cron)s, %(timezone)s, at), number + 1 FROM times WHERE number < %(count)s AND at IS NOT NULL
)
SELECT at, to_char(at AT TIME ZONE %(timezone)s, 'YYYY-MM-DD HH24:MI Dy') AS local FROM times ORDER BY number;

-- name: bench_others
-- Whether somebody else uses the type that a measurement needs: one that was killed has left its own jobs, and no worker.
SELECT EXISTS (SELECT FROM mesh.workers w WHERE %(type)s = ANY (w.types) AND w.expires_at > clock_timestamp())
    OR EXISTS (SELECT FROM mesh.known_jobs k WHERE k.job_type = %(type)s AND k.user_id IS DISTINCT FROM %(mark)s) AS busy;

-- name: bench_run
-- How many jobs that were created since then have ended, and how long that took from the first claim on.
SELECT count(*) AS jobs, extract(epoch FROM max(h.completed_at) - min(h.started_at))::float8 AS seconds
FROM mesh.history h WHERE h.job_type = %(type)s AND h.created_at >= %(since)s AND h.completed_at >= %(since)s;

-- name: bench_forget_jobs
-- Removes the jobs of a measurement, wherever they are; a lease holds jobs of one type.
WITH waiting AS (DELETE FROM mesh.jobs WHERE job_type = %(type)s),
     held AS (DELETE FROM mesh.leases l WHERE (l.jobs[1]).job_type = %(type)s RETURNING l.token),
     ended AS (DELETE FROM mesh.lease_ends e USING held WHERE e.token = held.token),
     history AS (DELETE FROM mesh.history WHERE job_type = %(type)s),
     dead AS (DELETE FROM mesh.dead_jobs WHERE job_type = %(type)s)
SELECT count(*) FROM held;

-- name: bench_forget_moves
-- Removes what has yet to be folded; waits for whoever is folding.
WITH gone AS (DELETE FROM mesh.job_moves WHERE job_type = %(type)s RETURNING 1) SELECT count(*) FROM gone;

-- name: bench_forget_counts
-- Removes what was folded, and the type.
WITH minutes AS (DELETE FROM mesh.job_minutes WHERE job_type = %(type)s),
     counts AS (DELETE FROM mesh.job_counts WHERE job_type = %(type)s),
     gone AS (DELETE FROM mesh.job_types WHERE name = %(type)s RETURNING 1)
SELECT count(*) FROM gone;
