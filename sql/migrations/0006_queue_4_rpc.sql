-- Over RPC: the views say all that a job can be now, jobs are enqueued by inserting into one, and a heartbeat hears of a
-- cancellation.

CREATE OR REPLACE VIEW public.background_jobs WITH (security_invoker = true) AS
WITH known AS (
    SELECT j.*, NULL::bigint AS token, NULL::timestamptz AS claimed_at FROM mesh.jobs j
    UNION ALL
    SELECT j.*, l.token, l.claimed_at FROM mesh.leases l CROSS JOIN unnest(l.jobs) AS j
    WHERE NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = j.id)
)
SELECT id, job_type, payload, CASE WHEN token IS NULL THEN status ELSE 'processing' END AS status,
       priority::integer AS priority, attempts + (token IS NOT NULL)::integer AS attempts,
       max_attempts::integer AS max_attempts, run_at AS scheduled_for, claimed_at AS started_at,
       NULL::timestamptz AS completed_at, (errors -> -1 ->> 'at')::timestamptz AS failed_at,
       errors -> -1 ->> 'error' AS error_message, NULL::jsonb AS result, created_at,
       greatest(created_at, claimed_at, (errors -> -1 ->> 'at')::timestamptz) AS updated_at,
       unique_key AS idempotency_key, user_id, token AS lease_token
FROM known;

CREATE OR REPLACE VIEW public.job_history WITH (security_invoker = true) AS
SELECT id, job_type, payload, status, attempts::integer AS attempts, errors -> -1 ->> 'error' AS error_message, result,
       duration_ms, created_at, completed_at, unique_key AS idempotency_key, user_id
FROM mesh.history
UNION ALL
SELECT id, job_type, payload, 'dead', attempts::integer, errors -> -1 ->> 'error', NULL,
       (extract(epoch FROM died_at - started_at) * 1000)::integer, created_at, died_at, unique_key, user_id
FROM mesh.dead_jobs;

CREATE FUNCTION mesh.insert_background_job() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
-- A duplicate is an error here, as callers of the view know it from a unique column: 23505, which PostgREST answers as 409.
AS $$
DECLARE
    wanted uuid := coalesce(NEW.id, mesh.uuidv7());
    existing uuid;
BEGIN
    existing := mesh.enqueue(
        NEW.job_type, coalesce(NEW.payload, '{}'), coalesce(NEW.priority, 0), run_at => NEW.scheduled_for,
        max_attempts => coalesce(NEW.max_attempts, 3), user_id => NEW.user_id, unique_key => NEW.idempotency_key,
        id => wanted);
    IF existing <> wanted THEN
        RAISE EXCEPTION 'duplicate key value violates unique constraint "background_jobs_idempotency_key_key"'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'background_jobs_idempotency_key_key',
                  DETAIL = format('Key (idempotency_key)=(%s) already exists: job %s has it.', NEW.idempotency_key, existing);
    END IF;
    -- What RETURNING shows.
    SELECT j.id, j.payload, j.status, j.priority, 0, j.max_attempts, j.run_at, j.created_at, j.created_at
    INTO NEW.id, NEW.payload, NEW.status, NEW.priority, NEW.attempts, NEW.max_attempts, NEW.scheduled_for, NEW.created_at,
         NEW.updated_at
    FROM mesh.jobs j WHERE j.id = wanted;
    RETURN NEW;
END $$;

CREATE TRIGGER insert_background_job INSTEAD OF INSERT ON public.background_jobs
    FOR EACH ROW EXECUTE FUNCTION mesh.insert_background_job();

CREATE OR REPLACE FUNCTION public.heartbeat_job(job_id uuid, lease_token bigint) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
-- Another minute for a job that was claimed over RPC; returns when the lease now expires. Null: somebody has cancelled the
-- job, which is the caller's no longer.
AS $$
DECLARE
    until timestamptz;
BEGIN
    IF EXISTS (SELECT FROM mesh.cancellations c WHERE c.job_id = heartbeat_job.job_id)
       AND mesh.cancel_leased(heartbeat_job.lease_token, ARRAY[heartbeat_job.job_id]) > 0 THEN
        RETURN NULL;
    END IF;
    UPDATE mesh.leases l SET expires_at = clock_timestamp() + interval '60 seconds'
    WHERE l.token = heartbeat_job.lease_token AND l.expires_at IS NOT NULL
      AND heartbeat_job.job_id IN (SELECT j.id FROM unnest(l.jobs) AS j)
    RETURNING l.expires_at INTO until;
    PERFORM mesh.refuse_stale((until IS NOT NULL)::integer, heartbeat_job.job_id, heartbeat_job.lease_token);
    RETURN until;
END $$;

SELECT mesh.keep_private();

DO $$
DECLARE
    client text;
BEGIN
    FOR client IN SELECT 'PUBLIC' UNION ALL
                  SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'service_role') LOOP
        EXECUTE format('REVOKE ALL ON public.background_jobs, public.job_history FROM %s', client);
        EXECUTE format('REVOKE ALL ON FUNCTION public.heartbeat_job, mesh.insert_background_job FROM %s', client);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT, INSERT ON public.background_jobs TO service_role;
        GRANT SELECT ON public.job_history TO service_role;
        GRANT EXECUTE ON FUNCTION public.heartbeat_job TO service_role;
        -- New tables, which default privileges may have opened to it.
        REVOKE ALL ON mesh.job_keys, mesh.gates, mesh.job_edges, mesh.cancellations, mesh.job_progress, mesh.job_moves,
                      mesh.job_counts, mesh.job_minutes, mesh.schedules, mesh.schedule_runs FROM service_role;
        GRANT SELECT ON mesh.job_keys, mesh.gates, mesh.job_edges, mesh.cancellations, mesh.job_progress, mesh.job_counts,
                        mesh.job_minutes, mesh.schedules, mesh.schedule_runs TO service_role;
    END IF;
END
$$;
