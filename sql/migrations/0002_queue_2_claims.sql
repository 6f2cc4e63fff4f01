-- Into the queue, and from there into a lease.

CREATE FUNCTION mesh.wake_workers() RETURNS void
LANGUAGE sql SET search_path = ''
-- Notifying serialises commits, so it happens only when somebody sleeps.
AS $$ SELECT pg_notify('mesh_jobs', '') WHERE EXISTS (SELECT FROM mesh.workers WHERE idle) $$;

CREATE FUNCTION mesh.check_job_types(job_types text[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = ''
AS $$
DECLARE
    unknown text := (SELECT string_agg(DISTINCT quote_nullable(wanted), ', ') FROM unnest(job_types) AS wanted
                     WHERE wanted IS NULL OR NOT EXISTS (SELECT FROM mesh.job_types known WHERE known.name = wanted));
BEGIN
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'unknown job type: %', unknown
            USING ERRCODE = 'PT422', HINT = 'Workers register the types of their handlers when they start.';
    END IF;
END $$;

CREATE FUNCTION mesh.register_job_types(job_types text[]) RETURNS void
LANGUAGE sql SET search_path = ''
AS $$
    INSERT INTO mesh.job_types (name)
    SELECT wanted FROM unnest(job_types) AS wanted WHERE wanted NOT IN (SELECT known.name FROM mesh.job_types known)
    ORDER BY wanted ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION mesh.enqueue(
    job_type text, payload jsonb DEFAULT '{}', priority integer DEFAULT 0, delay interval DEFAULT NULL,
    run_at timestamptz DEFAULT NULL, max_attempts integer DEFAULT 3, user_id text DEFAULT NULL,
    payload_version integer DEFAULT 1
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
AS $$
DECLARE
    due timestamptz := coalesce(enqueue.run_at, now()) + coalesce(enqueue.delay, '0');
    job_id uuid;
BEGIN
    PERFORM mesh.check_job_types(ARRAY[enqueue.job_type]);
    INSERT INTO mesh.jobs (job_type, status, priority, run_at, payload, payload_version, user_id, max_attempts)
    VALUES (enqueue.job_type, CASE WHEN due > now() THEN 'scheduled' ELSE 'pending' END, enqueue.priority, due,
            enqueue.payload, enqueue.payload_version, enqueue.user_id, enqueue.max_attempts)
    RETURNING id INTO job_id;
    PERFORM mesh.wake_workers();
    RETURN job_id;
END $$;

CREATE FUNCTION mesh.lane_heads(types text[], alone boolean) RETURNS TABLE (job_type text, priority smallint)
LANGUAGE sql STABLE SET search_path = '' SET enable_seqscan = off SET enable_bitmapscan = off
-- A lane is a type and a priority. Its head costs one step of the index, however long the lane is. A priority is worth
-- half a minute of waiting: urgent lanes go first, and no lane starves. Rescued jobs are for workers that run nothing else.
AS $$
    WITH RECURSIVE head AS (
        SELECT first.* FROM unnest(types) AS wanted (name) CROSS JOIN LATERAL (
            SELECT j.job_type, j.priority, j.run_at FROM mesh.jobs j
            WHERE j.status = 'pending' AND j.job_type = wanted.name AND (alone OR j.rescues = 0)
            ORDER BY j.job_type, j.priority, j.seq LIMIT 1) AS first
        UNION ALL
        SELECT next.* FROM head CROSS JOIN LATERAL (
            SELECT j.job_type, j.priority, j.run_at FROM mesh.jobs j
            WHERE j.status = 'pending' AND j.job_type = head.job_type AND j.priority > head.priority
              AND (alone OR j.rescues = 0)
            ORDER BY j.job_type, j.priority, j.seq LIMIT 1) AS next
    )
    SELECT head.job_type, head.priority FROM head ORDER BY head.run_at - head.priority * interval '30 seconds'
$$;

CREATE FUNCTION mesh.lease_lane(lane_type text, lane_priority smallint, most integer, worker uuid, owner_name text,
                                lasts interval, alone boolean) RETURNS mesh.leases
LANGUAGE plpgsql SET search_path = '' SET enable_seqscan = off SET enable_bitmapscan = off
-- One batch from the head of one lane. It ends before a rescued job (such a job is a batch of its own, for it may be what
-- kills workers), passes over those unless the worker is `alone` with it, and ends at 8 MB (a lease is one row).
AS $$
DECLARE
    lease mesh.leases;
BEGIN
    WITH waiting AS MATERIALIZED (
        SELECT j.ctid AS address, j.seq, j.rescues,
               pg_column_size(j.payload) + coalesce(pg_column_size(j.errors), 0) AS bytes
        FROM mesh.jobs j
        WHERE j.status = 'pending' AND j.job_type = lane_type AND j.priority = lane_priority
          AND (alone OR j.rescues = 0)
        ORDER BY j.job_type, j.priority, j.seq LIMIT most FOR UPDATE SKIP LOCKED
    ), measured AS (
        SELECT address, row_number() OVER lane AS place, bool_or(rescues > 0) OVER lane AS rescued,
               sum(bytes) OVER lane AS bytes
        FROM waiting WINDOW lane AS (ORDER BY seq)
    ), claimed AS (
        DELETE FROM mesh.jobs j WHERE j.ctid = ANY (ARRAY(
            SELECT address FROM measured WHERE place = 1 OR (NOT rescued AND bytes <= 8 * 1024 * 1024)))
        RETURNING j AS job
    )
    INSERT INTO mesh.leases (worker_id, owner, expires_at, size, jobs)
    SELECT worker, owner_name, clock_timestamp() + lasts, count(*), array_agg(job ORDER BY (job).seq)
    FROM claimed HAVING count(*) > 0
    RETURNING * INTO lease;
    RETURN lease;
END $$;

CREATE FUNCTION mesh.claim_lease(types text[], most integer, worker uuid, owner_name text, lasts interval,
                                 alone boolean DEFAULT true)
RETURNS mesh.leases
LANGUAGE plpgsql SET search_path = ''
AS $$
DECLARE
    lane record;
    lease mesh.leases;
BEGIN
    -- A lane whose jobs others are claiming at this moment gives nothing; the next one may.
    FOR lane IN SELECT * FROM mesh.lane_heads(ARRAY(SELECT t.name FROM mesh.job_types t
                                                    WHERE NOT t.paused AND (types IS NULL OR t.name = ANY (types))),
                                              alone) LOOP
        lease := mesh.lease_lane(lane.job_type, lane.priority, most, worker, owner_name, lasts, alone);
        EXIT WHEN lease.token IS NOT NULL;
    END LOOP;
    RETURN lease;
END $$;

CREATE FUNCTION mesh.claim_jobs(worker uuid, types text[], most integer, sleepy boolean DEFAULT false,
                                alone boolean DEFAULT true)
RETURNS TABLE (token bigint, job mesh.jobs)
LANGUAGE plpgsql SET search_path = ''
-- `alone`: the worker runs nothing now, so that a rescued job would take no other along.
AS $$
DECLARE
    lease mesh.leases;
BEGIN
    -- The lock keeps the worker alive until this commits: nobody can declare it dead in between.
    PERFORM FROM mesh.workers w WHERE w.id = worker FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'worker % is not registered, or was declared dead', worker USING ERRCODE = 'PT409';
    END IF;
    lease := mesh.claim_lease(types, most, worker, worker::text, NULL, alone);
    UPDATE mesh.workers w SET idle = sleepy AND lease.token IS NULL
    WHERE w.id = worker AND w.idle IS DISTINCT FROM (sleepy AND lease.token IS NULL);
    RETURN QUERY SELECT lease.token, taken FROM unnest(lease.jobs) AS taken;
END $$;

SELECT mesh.keep_private();
