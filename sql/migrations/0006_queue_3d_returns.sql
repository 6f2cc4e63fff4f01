-- How jobs leave a lease other than completed: failed, released, cancelled, rescued. All by way of mesh.put_back.

CREATE OR REPLACE FUNCTION mesh.release_jobs(lease_token bigint, job_ids uuid[], delay interval DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- Back to where they were, as if they had not been claimed; with a delay, not before that.
AS $$
DECLARE
    batch record;
BEGIN
    SELECT b.taken, b.started INTO batch FROM mesh.take_known(lease_token, job_ids) AS b;
    PERFORM mesh.put_back(ARRAY(
        SELECT ROW(CASE WHEN delay IS NULL THEN j ELSE jsonb_populate_record(
                       j, jsonb_build_object('status', 'scheduled', 'run_at', clock_timestamp() + delay)) END, NULL)::mesh.job_end
        FROM unnest(batch.taken) AS j), lease_token, batch.started) WHERE cardinality(batch.taken) > 0;
    RETURN coalesce(cardinality(batch.taken), 0);
END $$;

CREATE FUNCTION mesh.cancel_leased(lease_token bigint, job_ids uuid[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- A worker has stopped jobs that somebody wanted to end.
AS $$
DECLARE
    batch record;
BEGIN
    SELECT b.taken, b.started INTO batch FROM mesh.take_known(lease_token, job_ids) AS b;
    PERFORM mesh.put_back(ARRAY(SELECT ROW(j, 'cancelled')::mesh.job_end FROM unnest(batch.taken) AS j),
                          lease_token, batch.started) WHERE cardinality(batch.taken) > 0;
    RETURN coalesce(cardinality(batch.taken), 0);
END $$;

CREATE FUNCTION mesh.failed_job(job mesh.jobs, failure jsonb) RETURNS mesh.job_end
LANGUAGE sql VOLATILE SET search_path = ''
-- The job after one more failed attempt: it waits, or it is dead.
AS $$
    SELECT ROW(jsonb_populate_record(job, jsonb_build_object(
                   'attempts', job.attempts + 1,
                   'errors', coalesce(job.errors, '[]') || jsonb_build_object(
                       'attempt', job.attempts + 1, 'at', clock_timestamp(), 'error', f.error, 'traceback', f.traceback),
                   'status', 'scheduled',
                   'run_at', clock_timestamp() + coalesce(
                       CASE WHEN f.retry_after <> 'NaN' THEN make_interval(secs => least(greatest(f.retry_after, 0), 31536000)) END,
                       mesh.backoff(job.attempts + 1)))),
               coalesce(f.reason, CASE WHEN job.attempts + 1 >= job.max_attempts THEN 'exhausted' END))::mesh.job_end
    FROM jsonb_to_record(failure) AS f (error text, traceback text, reason text, retry_after float8)
$$;

CREATE OR REPLACE FUNCTION mesh.fail_jobs(lease_token bigint, failures jsonb) RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- `failures` is a list of {id, error, traceback, reason, retry_after}: `reason` (permanent, unreadable) buries the job at once,
-- `retry_after` (seconds, a year at most) takes the place of the backoff.
AS $$
DECLARE
    batch record;
BEGIN
    SELECT b.taken, b.started INTO batch
    FROM mesh.take_known(lease_token, ARRAY(SELECT (f ->> 'id')::uuid FROM jsonb_array_elements(failures) AS f)) AS b;
    IF cardinality(batch.taken) > 0 THEN
        INSERT INTO mesh.job_moves (job_type, source, target, count)
        SELECT j.job_type, 'running', 'failed', count(*) FROM unnest(batch.taken) AS j GROUP BY 1;
        PERFORM mesh.put_back(ARRAY(
            SELECT mesh.failed_job(j, f.failure) FROM unnest(batch.taken) AS j
            JOIN (SELECT DISTINCT ON (a.failure ->> 'id') a.failure FROM jsonb_array_elements(failures) AS a (failure)) AS f
              ON (f.failure ->> 'id')::uuid = j.id), lease_token, batch.started);
    END IF;
    RETURN coalesce(cardinality(batch.taken), 0);
END $$;

CREATE OR REPLACE FUNCTION mesh.rescue_lease(lost mesh.leases) RETURNS bigint
LANGUAGE plpgsql SET search_path = '' SET lock_timeout = '200ms'
-- The caller holds the lease's row. A rescue is no attempt, for the job may be innocent; after five it is buried. A lease
-- whose gates or children somebody has locked is left to the next tick: a tick holds locks itself.
AS $$
DECLARE
    rescued mesh.job_end[] := ARRAY(
        SELECT ROW(jsonb_populate_record(j, jsonb_build_object('rescues', j.rescues + 1)),
                   CASE WHEN j.rescues >= 5 THEN 'rescues' END)::mesh.job_end
        FROM unnest(lost.jobs) AS j
        WHERE NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = lost.token AND e.job_id = j.id));
BEGIN
    DELETE FROM mesh.leases l WHERE l.token = lost.token;
    DELETE FROM mesh.lease_ends e WHERE e.token = lost.token;
    IF rescued <> '{}' THEN
        INSERT INTO mesh.job_moves (job_type, source, target, count)
        SELECT (r.job).job_type, 'running', 'rescued', count(*) FROM unnest(rescued) AS r GROUP BY 1;
        PERFORM mesh.put_back(rescued, lost.token, lost.claimed_at);
    END IF;
    RETURN cardinality(rescued);
END $$;

CREATE FUNCTION mesh.lost_leases() RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path = ''
AS $$
    SELECT l.token FROM mesh.leases l
    WHERE l.expires_at < clock_timestamp()
       OR (l.worker_id IS NOT NULL AND NOT EXISTS (SELECT FROM mesh.workers w WHERE w.id = l.worker_id))
$$;

CREATE OR REPLACE FUNCTION mesh.rescue_jobs() RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- A lease that cannot be rescued stops no other. Why not is said in mesh.chores until it can.
AS $$
DECLARE
    lost mesh.leases;
    rescued bigint := 0;
    problem text;
BEGIN
    DELETE FROM mesh.workers w WHERE w.id = ANY (ARRAY(
        SELECT expired.id FROM mesh.workers expired WHERE expired.expires_at < clock_timestamp() FOR UPDATE SKIP LOCKED));
    -- A lease that is locked is being completed at this moment. The conditions stand here too, for they are looked at again
    -- when the lock is there: somebody may have renewed it.
    FOR lost IN
        SELECT l.* FROM mesh.leases l
        WHERE l.expires_at < clock_timestamp()
           OR (l.worker_id IS NOT NULL AND NOT EXISTS (SELECT FROM mesh.workers w WHERE w.id = l.worker_id))
        ORDER BY l.token FOR UPDATE SKIP LOCKED
    LOOP
        BEGIN
            rescued := rescued + mesh.rescue_lease(lost);
        EXCEPTION
            WHEN lock_not_available THEN NULL;
            WHEN OTHERS THEN
                problem := format('lease %s: %s', lost.token, SQLERRM);
                RAISE WARNING 'mesh.rescue_jobs(), %', problem;
        END;
    END LOOP;
    PERFORM mesh.close_lease(l.token) FROM mesh.leases l
    WHERE l.size = (SELECT count(*) FROM mesh.lease_ends e WHERE e.token = l.token);
    UPDATE mesh.chores c SET last_error = problem
    WHERE c.ctid = ANY (ARRAY(SELECT told.ctid FROM mesh.chores told WHERE told.name = 'rescue_lease'
                              AND told.last_error IS DISTINCT FROM problem FOR UPDATE SKIP LOCKED))
      AND (problem IS NOT NULL OR NOT EXISTS (SELECT FROM mesh.lost_leases()));
    RETURN rescued;
END $$;

-- What is replaced above was the last to call it.
DROP FUNCTION mesh.bury_jobs(mesh.jobs[], text, timestamptz);

SELECT mesh.keep_private();
