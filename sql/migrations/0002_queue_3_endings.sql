-- Out of a lease: completed, released, failed, buried. Nothing here reads the clock of a client.

CREATE FUNCTION mesh.take_jobs(lease_token bigint, job_ids uuid[]) RETURNS SETOF mesh.jobs
LANGUAGE plpgsql SET search_path = ''
-- The only way out of a lease. Returns the jobs that leave by this call: none when the lease has been taken away, and
-- never one that has left before.
AS $$
DECLARE
    batch mesh.jobs[];
    batch_size integer;
    left_before uuid[];
    leaving uuid[];
    count integer;
BEGIN
    -- All at once: the usual end of a batch of quick jobs needs no row for each of them.
    DELETE FROM mesh.leases l WHERE l.token = lease_token AND l.size = cardinality(job_ids) RETURNING l.jobs INTO batch;
    IF FOUND THEN
        -- Asked only now: the DELETE has waited for whoever held a part of the batch.
        WITH ended AS (DELETE FROM mesh.lease_ends e WHERE e.token = lease_token RETURNING e.job_id)
        SELECT coalesce(array_agg(job_id), '{}') INTO left_before FROM ended;
        RETURN QUERY SELECT j.* FROM unnest(batch) AS j WHERE j.id = ANY (job_ids) AND j.id <> ALL (left_before);
        GET DIAGNOSTICS count = ROW_COUNT;
        IF count + cardinality(left_before) <> cardinality(job_ids) THEN
            RAISE EXCEPTION 'not all of these jobs are of the lease %', lease_token USING ERRCODE = 'PT409';
        END IF;
        RETURN;
    END IF;
    -- A part: the lock keeps rescue out until this commits, and lets other parts of the batch leave meanwhile.
    SELECT l.jobs, l.size INTO batch, batch_size FROM mesh.leases l WHERE l.token = lease_token FOR KEY SHARE;
    WITH ended AS (
        INSERT INTO mesh.lease_ends (token, job_id)
        SELECT lease_token, j.id FROM unnest(batch) AS j WHERE j.id = ANY (job_ids) ORDER BY j.id
        ON CONFLICT DO NOTHING RETURNING job_id
    )
    SELECT array_agg(job_id) INTO leaving FROM ended;
    RETURN QUERY SELECT j.* FROM unnest(batch) AS j WHERE j.id = ANY (leaving);
    IF batch_size = (SELECT count(*) FROM mesh.lease_ends e WHERE e.token = lease_token) THEN
        PERFORM mesh.close_lease(lease_token);
    END IF;
END $$;

CREATE FUNCTION mesh.close_lease(lease_token bigint) RETURNS void
LANGUAGE sql SET search_path = ''
-- Skips a lease that somebody still holds on to: tick comes back to it.
AS $$
    WITH closed AS (
        DELETE FROM mesh.leases l
        WHERE l.token = (SELECT held.token FROM mesh.leases held WHERE held.token = lease_token FOR UPDATE SKIP LOCKED)
        RETURNING l.token
    )
    DELETE FROM mesh.lease_ends e USING closed WHERE e.token = closed.token
$$;

CREATE FUNCTION mesh.complete_jobs(lease_token bigint, job_ids uuid[], results jsonb[] DEFAULT NULL,
                                   durations_ms integer[] DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- How many were accepted; fewer than were sent means that the lease is stale or a job has ended before.
AS $$
DECLARE
    started timestamptz := (SELECT l.claimed_at FROM mesh.leases l WHERE l.token = lease_token);
    accepted bigint;
BEGIN
    INSERT INTO mesh.history (id, job_type, status, priority, payload, payload_version, user_id, attempts, rescues, errors,
                              result, token, duration_ms, created_at, started_at)
    SELECT j.id, j.job_type, 'completed', j.priority, j.payload, j.payload_version, j.user_id, j.attempts + 1, j.rescues,
           j.errors, o.result, lease_token,
           coalesce(o.duration_ms, extract(epoch FROM clock_timestamp() - started) * 1000), j.created_at, started
    FROM mesh.take_jobs(lease_token, job_ids) AS j
    LEFT JOIN unnest(job_ids, results, durations_ms) AS o (id, result, duration_ms) ON o.id = j.id;
    GET DIAGNOSTICS accepted = ROW_COUNT;
    RETURN accepted;
END $$;

CREATE FUNCTION mesh.release_jobs(lease_token bigint, job_ids uuid[], delay interval DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- Back to where they were, as if they had not been claimed; with a delay, not before that.
AS $$
DECLARE
    accepted bigint;
BEGIN
    INSERT INTO mesh.jobs
    SELECT released.* FROM mesh.take_jobs(lease_token, job_ids) AS j, jsonb_populate_record(j, CASE WHEN delay IS NULL
        THEN '{}' ELSE jsonb_build_object('status', 'scheduled', 'run_at', clock_timestamp() + delay) END) AS released;
    GET DIAGNOSTICS accepted = ROW_COUNT;
    PERFORM mesh.wake_workers();
    RETURN accepted;
END $$;

CREATE FUNCTION mesh.release_strays(worker uuid, known bigint[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- Claims whose answer the worker never got: it names the leases that it knows, and the others go back.
AS $$
DECLARE
    released bigint;
BEGIN
    -- Waits for a claim that is still being committed on a connection that the worker has lost.
    PERFORM FROM mesh.workers w WHERE w.id = worker FOR UPDATE;
    SELECT sum(mesh.release_jobs(l.token, ARRAY(SELECT j.id FROM unnest(l.jobs) AS j))) INTO released
    FROM mesh.leases l WHERE l.worker_id = worker AND l.token <> ALL (known);
    RETURN coalesce(released, 0);
END $$;

CREATE FUNCTION mesh.backoff(attempts integer) RETURNS interval
LANGUAGE sql VOLATILE SET search_path = ''
-- Full jitter below 2^attempts seconds, an hour at most: what fails together does not return together.
AS $$ SELECT random() * least(interval '1 hour', interval '1 second' * power(2, least(attempts, 12))) $$;

CREATE FUNCTION mesh.bury_jobs(buried mesh.jobs[], why text, started timestamptz) RETURNS void
LANGUAGE sql SET search_path = ''
AS $$
    INSERT INTO mesh.dead_jobs (id, job_type, reason, priority, payload, payload_version, user_id, attempts, max_attempts,
                                rescues, errors, created_at, started_at)
    SELECT j.id, j.job_type, why, j.priority, j.payload, j.payload_version, j.user_id, j.attempts, j.max_attempts,
           j.rescues, j.errors, j.created_at, started
    FROM unnest(buried) AS j ON CONFLICT (id) DO NOTHING
$$;

CREATE FUNCTION mesh.fail_jobs(lease_token bigint, failures jsonb) RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- `failures` is a list of {id, error, traceback, reason, retry_after}: `reason` (permanent, unreadable) buries the job at once,
-- `retry_after` (seconds, a year at most) takes the place of the backoff.
AS $$
DECLARE
    started timestamptz := (SELECT l.claimed_at FROM mesh.leases l WHERE l.token = lease_token);
    failed record;
    accepted bigint := 0;
BEGIN
    FOR failed IN
        SELECT j AS job, f.reason,
               CASE WHEN f.retry_after <> 'NaN' THEN make_interval(secs => least(greatest(f.retry_after, 0), 31536000)) END AS delay,
               jsonb_build_object('attempt', j.attempts + 1, 'at', clock_timestamp(), 'error', f.error,
                                  'traceback', f.traceback) AS entry
        FROM jsonb_to_recordset(failures) AS f (id uuid, error text, traceback text, reason text, retry_after float8)
        JOIN mesh.take_jobs(lease_token, ARRAY(SELECT (value ->> 'id')::uuid FROM jsonb_array_elements(failures))) AS j
          ON j.id = f.id
    LOOP
        accepted := accepted + 1;
        failed.job.attempts := (failed.job).attempts + 1;
        failed.job.errors := coalesce((failed.job).errors, '[]') || failed.entry;
        IF failed.reason IS NOT NULL OR (failed.job).attempts >= (failed.job).max_attempts THEN
            PERFORM mesh.bury_jobs(ARRAY[failed.job], coalesce(failed.reason, 'exhausted'), started);
        ELSE
            failed.job.status := 'scheduled';
            failed.job.run_at := clock_timestamp() + coalesce(failed.delay, mesh.backoff((failed.job).attempts));
            INSERT INTO mesh.jobs SELECT (failed.job).*;
        END IF;
    END LOOP;
    RETURN accepted;
END $$;

SELECT mesh.keep_private();
