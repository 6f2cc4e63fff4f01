-- The queue for callers over RPC, one job at a time, under the names that they know: views and functions in `public`.

CREATE VIEW public.background_jobs WITH (security_invoker = true) AS
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
       NULL::text AS idempotency_key, user_id, token AS lease_token
FROM known;

CREATE VIEW public.job_history WITH (security_invoker = true) AS
SELECT id, job_type, payload, status, attempts::integer AS attempts, errors -> -1 ->> 'error' AS error_message, result,
       duration_ms, created_at, completed_at
FROM mesh.history
UNION ALL
SELECT id, job_type, payload, 'dead', attempts::integer, errors -> -1 ->> 'error', NULL,
       (extract(epoch FROM died_at - started_at) * 1000)::integer, created_at, died_at
FROM mesh.dead_jobs;

CREATE FUNCTION public.claim_next_job(worker_id text, job_types text[] DEFAULT NULL) RETURNS public.background_jobs
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
-- A lease of a minute on one job; all columns null when nothing waits.
AS $$
DECLARE
    lease mesh.leases := mesh.claim_lease(job_types, 1, NULL, worker_id, interval '60 seconds');
    claimed public.background_jobs;
BEGIN
    IF lease.token IS NULL THEN
        -- Where no worker runs, these callers are the clock.
        PERFORM mesh.tick();
        lease := mesh.claim_lease(job_types, 1, NULL, worker_id, interval '60 seconds');
    END IF;
    SELECT b.* INTO claimed FROM public.background_jobs b WHERE b.lease_token = lease.token;
    RETURN claimed;
END $$;

CREATE FUNCTION mesh.refuse_stale(accepted bigint, job_id uuid, lease_token bigint) RETURNS void
LANGUAGE plpgsql SET search_path = ''
AS $$
BEGIN
    IF coalesce(accepted, 0) = 0 THEN
        RAISE EXCEPTION 'job % is not held under lease token %', job_id, coalesce(lease_token::text, 'null')
            USING ERRCODE = 'PT409',
                  HINT = 'The lease expired or the job has ended. Pass the lease_token that claim_next_job returned.';
    END IF;
END $$;

CREATE FUNCTION public.complete_job(job_id uuid, job_result jsonb DEFAULT NULL, lease_token bigint DEFAULT NULL)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = ''
AS $$
    SELECT mesh.refuse_stale(mesh.complete_jobs(lease_token, ARRAY[job_id], ARRAY[job_result]), job_id, lease_token)
$$;

CREATE FUNCTION public.fail_job(job_id uuid, error_msg text, lease_token bigint DEFAULT NULL) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = ''
AS $$
    SELECT mesh.refuse_stale(
        mesh.fail_jobs(lease_token, jsonb_build_array(jsonb_build_object('id', job_id, 'error', error_msg))),
        job_id, lease_token)
$$;

CREATE FUNCTION public.heartbeat_job(job_id uuid, lease_token bigint) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
-- Another minute for a job that was claimed over RPC; returns when the lease now expires.
AS $$
DECLARE
    until timestamptz;
BEGIN
    UPDATE mesh.leases l SET expires_at = clock_timestamp() + interval '60 seconds'
    WHERE l.token = heartbeat_job.lease_token AND l.expires_at IS NOT NULL
      AND heartbeat_job.job_id IN (SELECT j.id FROM unnest(l.jobs) AS j)
    RETURNING l.expires_at INTO until;
    PERFORM mesh.refuse_stale((until IS NOT NULL)::integer, heartbeat_job.job_id, heartbeat_job.lease_token);
    RETURN until;
END $$;

SELECT mesh.keep_private();

-- Supabase's default privileges would let anon call what is in `public`, so every object is taken from each role by name;
-- only the service role gets anything back.
DO $$
DECLARE
    client text;
BEGIN
    FOR client IN SELECT 'PUBLIC' UNION ALL
                  SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'service_role') LOOP
        EXECUTE format('REVOKE ALL ON public.background_jobs, public.job_history FROM %s', client);
        EXECUTE format('REVOKE ALL ON FUNCTION public.claim_next_job, public.complete_job, public.fail_job,
                                               public.heartbeat_job FROM %s', client);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        REVOKE ALL ON mesh.jobs, mesh.leases, mesh.lease_ends, mesh.history, mesh.dead_jobs, mesh.job_types, mesh.workers
            FROM service_role;
        GRANT USAGE ON SCHEMA mesh TO service_role;
        GRANT SELECT ON mesh.jobs, mesh.leases, mesh.lease_ends, mesh.history, mesh.dead_jobs, mesh.job_types TO service_role;
        GRANT SELECT ON public.background_jobs, public.job_history TO service_role;
        GRANT EXECUTE ON FUNCTION mesh.enqueue, mesh.tick, public.claim_next_job, public.complete_job, public.fail_job,
                                  public.heartbeat_job TO service_role;
    END IF;
END
$$;
