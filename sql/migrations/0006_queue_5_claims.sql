-- Claims that begin where the last one ended. While somebody holds an old snapshot, the index entries of jobs that were
-- claimed long ago cannot be removed, and a claim from the head of a lane would step over each of them again.

DROP FUNCTION mesh.claim_jobs(uuid, text[], integer, boolean, boolean);
DROP FUNCTION mesh.claim_lease(text[], integer, uuid, text, interval, boolean);
DROP FUNCTION mesh.lease_lane(text, smallint, integer, uuid, text, interval, boolean);
DROP FUNCTION mesh.lane_heads(text[], boolean);

-- Claims are committed without waiting for the disk, so a crash of the server may undo some, and with them what it knew of a
-- sequence: a number alone could come twice, and a stale holder complete what another has by now. Time does not come twice.
-- Milliseconds and the number's last twelve bits grow for 69 years before a number in JavaScript cannot hold them.
ALTER TABLE mesh.leases ALTER COLUMN token SET DEFAULT
    (extract(epoch FROM clock_timestamp() - timestamptz '2025-01-01 00:00:00+00') * 1000)::bigint * 4096
    + nextval('mesh.lease_token') % 4096;

CREATE FUNCTION mesh.lane_heads(types text[], alone boolean, floors bigint[] DEFAULT NULL)
RETURNS TABLE (place bigint, job_type text, priority smallint, seq bigint, run_at timestamptz)
LANGUAGE plpgsql STABLE SET search_path = '' SET enable_seqscan = off SET enable_bitmapscan = off
    SET plan_cache_mode = force_generic_plan
-- A lane is a type and a priority; each type has eleven. The head of a lane is its first job above the lane's floor, and
-- costs one step of the index, however long the lane is. Floors stand in the order of `types`, eleven for each. Rescued
-- jobs are for workers that run nothing else. Planning this takes ten times as long as running it: one plan serves all.
AS $$
BEGIN
    RETURN QUERY
    SELECT lane.place, wanted.name, lane.priority, head.seq, head.run_at
    FROM unnest(types) WITH ORDINALITY AS wanted (name, number)
    CROSS JOIN generate_series(0, 10) AS level (priority)
    CROSS JOIN LATERAL (SELECT (wanted.number - 1) * 11 + level.priority + 1, level.priority::smallint)
                       AS lane (place, priority)
    CROSS JOIN LATERAL (
        SELECT j.seq, j.run_at FROM mesh.jobs j
        WHERE j.status = 'pending' AND j.job_type = wanted.name AND j.priority = lane.priority
          AND j.seq > coalesce(floors[lane.place], 0) AND (alone OR j.rescues = 0)
        ORDER BY j.job_type, j.priority, j.seq LIMIT 1) AS head;
END $$;

CREATE FUNCTION mesh.lane_floors(types text[], alone boolean DEFAULT true) RETURNS bigint[]
LANGUAGE plpgsql SET search_path = ''
-- Where the next claims of these types may begin: just below each lane's head, and for an empty lane at the newest job.
-- A job that is committed later under a smaller number is found when somebody asks again.
AS $$
DECLARE
    -- Before the lanes are read: what comes later lies above.
    newest bigint := (SELECT s.last_value - (NOT s.is_called)::integer FROM mesh.job_seq s);
    floors bigint[];
BEGIN
    SELECT array_agg(coalesce(head.seq - 1, newest) ORDER BY lane.place) INTO floors
    FROM generate_series(1, 11 * cardinality(types)) AS lane (place)
    LEFT JOIN mesh.lane_heads(types, alone) AS head ON head.place = lane.place;
    RETURN floors;
END $$;

CREATE FUNCTION mesh.lease_lane(lane_type text, lane_priority smallint, most integer, worker uuid, owner_name text,
                                lasts interval, alone boolean, lane_floor bigint) RETURNS mesh.leases
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
        WHERE j.status = 'pending' AND j.job_type = lane_type AND j.priority = lane_priority AND j.seq > lane_floor
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
    IF lease.token IS NOT NULL THEN
        INSERT INTO mesh.job_moves (job_type, source, target, count) VALUES (lane_type, 'pending', 'running', lease.size);
    END IF;
    RETURN lease;
END $$;

CREATE FUNCTION mesh.claim_lease(types text[], most integer, worker uuid, owner_name text, lasts interval,
                                 alone boolean DEFAULT true, floors bigint[] DEFAULT NULL)
RETURNS mesh.leases
LANGUAGE plpgsql SET search_path = ''
-- A priority is worth half a minute of waiting: urgent lanes go first, and no lane starves.
AS $$
DECLARE
    wanted text[] := coalesce(types, ARRAY(SELECT t.name FROM mesh.job_types t));
    lane record;
    lease mesh.leases;
BEGIN
    -- A lane whose jobs others are claiming at this moment gives nothing; the next one may.
    FOR lane IN
        SELECT head.job_type, head.priority, head.seq FROM mesh.lane_heads(wanted, alone, floors) AS head
        WHERE EXISTS (SELECT FROM mesh.job_types t WHERE t.name = head.job_type AND NOT t.paused)
        ORDER BY head.run_at - head.priority * interval '30 seconds'
    LOOP
        lease := mesh.lease_lane(lane.job_type, lane.priority, most, worker, owner_name, lasts, alone, lane.seq - 1);
        EXIT WHEN lease.token IS NOT NULL;
    END LOOP;
    RETURN lease;
END $$;

CREATE FUNCTION mesh.claim_jobs(worker uuid, types text[], most integer, sleepy boolean DEFAULT false,
                                alone boolean DEFAULT true, floors bigint[] DEFAULT NULL)
RETURNS TABLE (token bigint, job mesh.jobs)
LANGUAGE plpgsql SET search_path = ''
-- `alone`: the worker runs nothing now, so that a rescued job would take no other along. `floors`: what lane_floors said,
-- raised by what the worker has claimed since; null looks at everything.
AS $$
DECLARE
    lease mesh.leases;
BEGIN
    -- The lock keeps the worker alive until this commits: nobody can declare it dead in between.
    PERFORM FROM mesh.workers w WHERE w.id = worker FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'worker % is not registered, or was declared dead', worker USING ERRCODE = 'PT409';
    END IF;
    -- What the crash of a server takes back has not happened: its jobs wait again, and the token is worth nothing. Where a
    -- completion is durable, so is the claim before it.
    PERFORM set_config('synchronous_commit', 'off', true);
    lease := mesh.claim_lease(types, most, worker, worker::text, NULL, alone, floors);
    -- Who got a single job, and has room for more, will look again at once: it may as well be notified meanwhile.
    IF lease.size > 1 OR lease.size = most OR NOT sleepy THEN
        UPDATE mesh.workers w SET idle = false WHERE w.id = worker AND w.idle;
    ELSIF lease.size IS NULL THEN
        UPDATE mesh.workers w SET idle = true WHERE w.id = worker AND NOT w.idle;
    END IF;
    RETURN QUERY SELECT lease.token, taken FROM unnest(lease.jobs) AS taken;
END $$;

SELECT mesh.keep_private();
