-- The usual enqueue by the shortest way, and notifications that name the lane of the job.

CREATE OR REPLACE FUNCTION mesh.enqueue(
    job_type text, payload jsonb DEFAULT '{}', priority integer DEFAULT 0, delay interval DEFAULT NULL,
    run_at timestamptz DEFAULT NULL, max_attempts integer DEFAULT 3, user_id text DEFAULT NULL,
    payload_version integer DEFAULT 1, unique_key text DEFAULT NULL, unique_for interval DEFAULT NULL,
    debounce_key text DEFAULT NULL, gate text DEFAULT NULL, after uuid[] DEFAULT NULL, after_any boolean DEFAULT NULL,
    timeout_ms integer DEFAULT NULL, traceparent text DEFAULT NULL, id uuid DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
-- Returns the id of the job; under a key that is taken, of the job that has it.
AS $$
DECLARE
    due timestamptz := coalesce(enqueue.run_at, now()) + coalesce(enqueue.delay, '0');
    state text := CASE WHEN due > now() THEN 'scheduled' ELSE 'pending' END;
    job_id uuid;
BEGIN
    IF num_nonnulls(enqueue.unique_key, enqueue.unique_for, enqueue.debounce_key, enqueue.gate, enqueue.after) > 0
       OR enqueue.delay < '0' OR NOT isfinite(due) OR enqueue.priority NOT BETWEEN 0 AND 10 OR enqueue.max_attempts < 1
       OR jsonb_typeof(enqueue.payload) <> 'object' OR pg_column_size(enqueue.payload) > 500000 OR enqueue.timeout_ms < 1
       OR num_nulls(enqueue.payload, enqueue.priority, enqueue.max_attempts) > 0 THEN
        RETURN (SELECT e.id FROM mesh.enqueue_jobs(ARRAY[ROW(mesh.fresh_job(
            enqueue.job_type, enqueue.payload, enqueue.priority, mesh.due_at(enqueue.run_at, enqueue.delay),
            enqueue.max_attempts, enqueue.user_id, enqueue.payload_version, enqueue.unique_key, enqueue.debounce_key,
            enqueue.gate, enqueue.after, enqueue.after_any, enqueue.timeout_ms, enqueue.traceparent, enqueue.id),
            enqueue.unique_for)::mesh.new_job]) AS e);
    END IF;
    -- The shortest way: most jobs are plain, and what is done here is done for each of them.
    IF enqueue.id IS NOT NULL THEN
        PERFORM mesh.refuse_known_ids(ARRAY[enqueue.id]);
    END IF;
    PERFORM FROM mesh.job_types t WHERE t.name = enqueue.job_type;
    IF NOT FOUND THEN
        PERFORM mesh.check_job_types(ARRAY[enqueue.job_type]);
    END IF;
    INSERT INTO mesh.jobs (id, job_type, status, priority, run_at, payload, payload_version, user_id, max_attempts, timeout_ms,
                           traceparent)
    VALUES (coalesce(enqueue.id, mesh.uuidv7()), enqueue.job_type, state, enqueue.priority, due, enqueue.payload,
            enqueue.payload_version, enqueue.user_id, enqueue.max_attempts, enqueue.timeout_ms, enqueue.traceparent)
    RETURNING jobs.id INTO job_id;
    INSERT INTO mesh.job_moves (job_type, target, count) VALUES (enqueue.job_type, state, 1);
    IF state = 'pending' THEN
        -- As wake_workers(), but for the lane: who knows it need not look for it.
        PERFORM pg_notify('mesh_jobs', enqueue.job_type || ' ' || enqueue.priority) FROM mesh.workers w WHERE w.idle LIMIT 1;
    END IF;
    RETURN job_id;
END $$;

CREATE FUNCTION mesh.enqueue_usual(job_type text, payload jsonb, priority integer, user_id text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
-- As mesh.enqueue: what most calls ask for, without the thirteen defaults, whose reading takes as long as half an insert.
AS $$
DECLARE
    job_id uuid;
BEGIN
    IF num_nulls(enqueue_usual.payload, enqueue_usual.priority) > 0 OR enqueue_usual.priority NOT BETWEEN 0 AND 10
       OR jsonb_typeof(enqueue_usual.payload) <> 'object' OR pg_column_size(enqueue_usual.payload) > 500000 THEN
        RETURN mesh.enqueue(enqueue_usual.job_type, enqueue_usual.payload, enqueue_usual.priority,
                            user_id => enqueue_usual.user_id);
    END IF;
    PERFORM FROM mesh.job_types t WHERE t.name = enqueue_usual.job_type;
    IF NOT FOUND THEN
        PERFORM mesh.check_job_types(ARRAY[enqueue_usual.job_type]);
    END IF;
    INSERT INTO mesh.jobs (job_type, priority, payload, user_id)
    VALUES (enqueue_usual.job_type, enqueue_usual.priority, enqueue_usual.payload, enqueue_usual.user_id)
    RETURNING jobs.id INTO job_id;
    INSERT INTO mesh.job_moves (job_type, target, count) VALUES (enqueue_usual.job_type, 'pending', 1);
    PERFORM pg_notify('mesh_jobs', enqueue_usual.job_type || ' ' || enqueue_usual.priority)
    FROM mesh.workers w WHERE w.idle LIMIT 1;
    RETURN job_id;
END $$;

SELECT mesh.keep_private();

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        REVOKE ALL ON FUNCTION mesh.enqueue_usual FROM service_role;
        GRANT EXECUTE ON FUNCTION mesh.enqueue_usual TO service_role;
    END IF;
END
$$;
