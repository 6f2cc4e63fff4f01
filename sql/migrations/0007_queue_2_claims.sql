-- A worker that was woken for a lane takes the head of it; and claims answer with flat rows, which are read faster.

CREATE FUNCTION mesh.lease_head(lane_type text, lane_priority smallint, worker uuid, alone boolean, lane_floor bigint)
RETURNS mesh.leases
LANGUAGE plpgsql SET search_path = '' SET enable_seqscan = off SET enable_bitmapscan = off
-- The head of one lane alone, in the shortest statement: somebody waits for this job to start.
AS $$
DECLARE
    lease mesh.leases;
BEGIN
    WITH head AS (
        DELETE FROM mesh.jobs j WHERE j.ctid = (
            SELECT j.ctid FROM mesh.jobs j
            WHERE j.status = 'pending' AND j.job_type = lane_type AND j.priority = lane_priority AND j.seq > lane_floor
              AND (alone OR j.rescues = 0)
            ORDER BY j.job_type, j.priority, j.seq LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING j AS job
    ), moved AS (
        INSERT INTO mesh.job_moves (job_type, source, target, count) SELECT lane_type, 'pending', 'running', 1 FROM head
    )
    INSERT INTO mesh.leases (worker_id, owner, expires_at, size, jobs)
    SELECT worker, worker::text, NULL, 1, ARRAY[job] FROM head
    RETURNING * INTO lease;
    RETURN lease;
END $$;

COMMENT ON FUNCTION mesh.claim_jobs IS 'What workers of the version before call; claim_batch has taken its place.';

CREATE FUNCTION mesh.claim_batch(worker uuid, types text[], most integer, sleepy boolean DEFAULT false,
                                 alone boolean DEFAULT true, floors bigint[] DEFAULT NULL, named integer DEFAULT NULL)
RETURNS TABLE (token bigint, id uuid, job_type text, priority smallint, payload text, payload_version integer, user_id text,
               attempt integer, max_attempts smallint, rescues smallint, created_at timestamptz, seq bigint,
               timeout_ms integer, traceparent text, parents uuid[])
LANGUAGE plpgsql SET search_path = ''
-- `alone`: the worker runs nothing now, so that a rescued job would take no other along. `floors`: what lane_floors said,
-- raised by what the worker has claimed since; null looks at everything. `named`: the place among the floors of the lane
-- that has just woken the worker: the others were empty, so its head comes first.
AS $$
DECLARE
    named_type text := types[(named + 10) / 11];
    open boolean;
    lease mesh.leases;
BEGIN
    -- The lock keeps the worker alive until this commits: nobody can declare it dead in between.
    SELECT EXISTS (SELECT FROM mesh.job_types t WHERE t.name = named_type AND NOT t.paused) INTO open
    FROM mesh.workers w WHERE w.id = worker FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'worker % is not registered, or was declared dead', worker USING ERRCODE = 'PT409';
    END IF;
    -- What the crash of a server takes back has not happened: its jobs wait again, and the token is worth nothing. Where a
    -- completion is durable, so is the claim before it.
    PERFORM set_config('synchronous_commit', 'off', true);
    IF open THEN
        lease := mesh.lease_head(named_type, ((named - 1) % 11)::smallint, worker, alone, coalesce(floors[named], 0));
    END IF;
    IF lease.token IS NULL THEN
        lease := mesh.claim_lease(types, most, worker, worker::text, NULL, alone, floors);
    END IF;
    -- Who got a single job, and has room for more, will look again at once: it may as well be notified meanwhile.
    IF lease.size > 1 OR lease.size = most OR NOT sleepy THEN
        UPDATE mesh.workers w SET idle = false WHERE w.id = worker AND w.idle;
    ELSIF lease.size IS NULL THEN
        UPDATE mesh.workers w SET idle = true WHERE w.id = worker AND NOT w.idle;
    END IF;
    RETURN QUERY
    SELECT lease.token, j.id, j.job_type, j.priority, j.payload::text, j.payload_version, j.user_id, j.attempts + 1,
           j.max_attempts, j.rescues, j.created_at, j.seq, j.timeout_ms, j.traceparent, coalesce(j.parents, '{}')
    FROM unnest(lease.jobs) AS j;
END $$;

SELECT mesh.keep_private();
