-- Statements that put jobs into the queue; what they do stands with the functions in sql/migrations/*_queue_*.sql.

-- name: enqueue_usual
-- One job that may run now; the fewer parameters, the faster.
SELECT mesh.enqueue_usual(%(job_type)s::text, %(payload)s::jsonb, %(priority)s::integer, %(user_id)s::text);

-- name: enqueue
-- One job, in the caller's transaction.
SELECT mesh.enqueue(
    %(job_type)s::text, %(payload)s::jsonb, %(priority)s::integer, %(delay)s::interval, %(run_at)s::timestamptz,
    %(max_attempts)s::integer, %(user_id)s::text, %(payload_version)s::integer, timeout_ms => %(timeout_ms)s::integer,
    traceparent => %(traceparent)s::text, id => %(id)s::uuid
);

-- name: enqueue_special
-- One job with keys, a gate or parents, or of a handler, whose type it makes known first where it is not.
SELECT mesh.enqueue(
    %(job_type)s::text, %(payload)s::jsonb, %(priority)s::integer, %(delay)s::interval, %(run_at)s::timestamptz,
    %(max_attempts)s::integer, %(user_id)s::text, %(payload_version)s::integer, %(unique_key)s::text,
    %(unique_for)s::interval, %(debounce_key)s::text, %(gate)s::text, %(after)s::uuid[], %(after_any)s::boolean,
    %(timeout_ms)s::integer, %(traceparent)s::text, %(id)s::uuid
) FROM mesh.register_job_types(%(job_types)s::text[], %(secrets)s::jsonb);

-- name: enqueue_batch
-- Many jobs with keys, gates or parents.
SELECT id FROM mesh.enqueue_batch(%(jobs)s::jsonb) ORDER BY ordinal;

-- name: define_gate
-- Makes a gate, or changes its limits; it lasts as long as jobs name it.
SELECT mesh.define_gate(%(key)s::text, %(most_running)s::integer, %(rate)s::double precision, %(burst)s::integer, true);

-- name: refuse_known_ids
-- Fails when one is the id of a job that runs or has ended.
SELECT mesh.refuse_known_ids(%(ids)s::uuid[]);

-- name: register_job_types
-- Makes types known, so that they may be enqueued, with their secret fields and the schemas of their payloads.
SELECT mesh.register_job_types(%(job_types)s::text[], %(secrets)s::jsonb, %(schemas)s::jsonb);

-- name: check_job_types
-- Fails when a type is unknown; returns the time of the transaction.
SELECT now() FROM mesh.check_job_types(%(job_types)s::text[]);

-- name: copy_usual_jobs
-- Many plain jobs at once that may run now; the fewer columns, the faster.
COPY mesh.jobs (id, job_type, priority, payload, payload_version, user_id) FROM STDIN;

-- name: copy_jobs
-- Many plain jobs at once.
COPY mesh.jobs (id, job_type, priority, payload, payload_version, user_id, status, run_at, max_attempts, timeout_ms, traceparent)
FROM STDIN;

-- name: copied_jobs
-- Counts the jobs that were copied, and wakes workers.
SELECT mesh.copied_jobs(%(types)s::text[], %(states)s::text[], %(counts)s::bigint[]);
