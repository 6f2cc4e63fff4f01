-- The statements of schedules; what they do stands with the functions in sql/migrations/*_queue_*.sql.

-- name: set_schedule
-- Makes a schedule, or changes one of the same source; returns when it fires next.
SELECT mesh.set_schedule(
    %(name)s, %(job_type)s, %(cron)s, %(timezone)s, %(payload)s::jsonb, %(payload_version)s, %(priority)s, %(max_attempts)s,
    %(source)s
);

-- name: keep_schedules
-- Removes what the source does not declare any more; returns how many.
SELECT mesh.keep_schedules(%(source)s, %(names)s::text[]);

-- name: drop_schedules_of_others
-- Removes the schedules of sources that are not there any more and whose jobs no living worker runs.
SELECT mesh.drop_schedules_of_others(%(prefix)s, %(sources)s::text[]);
