-- What the queue counts of itself, and what it forgets. Nothing here counts jobs by reading them: every statement that moves
-- jobs says so in mesh.job_moves, and tick folds that into counts. Where a table may be large, times are compared with
-- statement_timestamp(): no index can be searched by clock_timestamp(), which may change under way.

-- Jobs that were there before were never counted. From here on every function counts; nobody moves jobs until recount() below
-- has done so too. It stands first, for who waits for another lock of this file would have one of these.
SELECT mesh.lock_tables('mesh.jobs, mesh.leases, mesh.lease_ends, mesh.history, mesh.dead_jobs', 'SHARE');

-- Folding begins at the newest moves: under an old snapshot, those that were folded long ago cannot be removed yet.
CREATE INDEX job_moves_at ON mesh.job_moves USING brin (at) WITH (pages_per_range = 16, autosummarize = on);

CREATE FUNCTION mesh.chore_is_due(chore text, every interval) RETURNS boolean
LANGUAGE sql SET search_path = ''
-- True for one caller, who then has the chore until its transaction ends; the others do without.
AS $$
    WITH taken AS (
        UPDATE mesh.chores c SET done_at = clock_timestamp()
        WHERE c.name = (SELECT due.name FROM mesh.chores due
                        WHERE due.name = chore AND due.done_at <= clock_timestamp() - every FOR UPDATE SKIP LOCKED)
        RETURNING c.name
    )
    SELECT EXISTS (SELECT FROM taken)
$$;

CREATE FUNCTION mesh.gauge_steps(source text, target text) RETURNS TABLE (state text, step integer)
LANGUAGE sql IMMUTABLE SET search_path = ''
-- What a move does to the counts. Failures and rescues are counted by minute, and move nothing: another row says where
-- their jobs went.
AS $$
    SELECT source, -1 WHERE source IS NOT NULL AND target NOT IN ('failed', 'rescued')
    UNION ALL SELECT target, 1 WHERE target NOT IN ('failed', 'rescued')
    UNION ALL SELECT 'enqueued', 1 WHERE source IS NULL
$$;

CREATE VIEW mesh.job_gauges AS
SELECT known.job_type, known.state, sum(known.count)::bigint AS count
FROM (
    SELECT c.job_type, c.state, c.count FROM mesh.job_counts c
    UNION ALL
    SELECT moved.job_type, steps.state, moved.count * steps.step
    FROM (SELECT m.job_type, m.source, m.target, sum(m.count)::bigint AS count FROM mesh.job_moves m GROUP BY 1, 2, 3) AS moved
    CROSS JOIN LATERAL mesh.gauge_steps(moved.source, moved.target) AS steps
) AS known
GROUP BY known.job_type, known.state;
COMMENT ON VIEW mesh.job_gauges IS 'How many jobs are in each state now: the folded counts, and the moves since.';

CREATE FUNCTION mesh.fold_moves(since timestamptz DEFAULT '-infinity', most integer DEFAULT 50000) RETURNS bigint
LANGUAGE plpgsql SET search_path = '' SET enable_seqscan = off
-- Each move is deleted and counted by one statement: one that is appended meanwhile stays for the next fold.
AS $$
DECLARE
    folded bigint;
BEGIN
    WITH taken AS (
        DELETE FROM mesh.job_moves m
        WHERE m.ctid = ANY (ARRAY(SELECT r.ctid FROM mesh.job_moves r WHERE r.at > since LIMIT most))
        RETURNING m.*
    ), moved AS MATERIALIZED (
        SELECT date_bin('1 minute', t.at, 'epoch') AS minute, t.job_type, t.source, t.target, sum(t.count)::bigint AS count,
               coalesce(sum(t.total_ms), 0)::bigint AS total_ms, count(*) AS moves
        FROM taken t GROUP BY 1, 2, 3, 4
    ), counted AS (
        INSERT INTO mesh.job_counts AS c (job_type, state, count)
        SELECT moved.job_type, steps.state, sum(moved.count * steps.step)
        FROM moved CROSS JOIN LATERAL mesh.gauge_steps(moved.source, moved.target) AS steps
        GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (job_type, state) DO UPDATE SET count = c.count + excluded.count
    ), by_minute AS (
        INSERT INTO mesh.job_minutes AS d (minute, job_type, source, target, count, total_ms)
        SELECT moved.minute, moved.job_type, coalesce(moved.source, ''), moved.target, sum(moved.count), sum(moved.total_ms)
        FROM moved GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        ON CONFLICT (minute, job_type, source, target)
        DO UPDATE SET count = d.count + excluded.count, total_ms = d.total_ms + excluded.total_ms
    )
    SELECT coalesce(sum(moved.moves), 0) INTO folded FROM moved;
    RETURN folded;
END $$;

CREATE FUNCTION mesh.miscounts() RETURNS TABLE (job_type text, state text, counted bigint, found bigint)
LANGUAGE sql STABLE SET search_path = ''
-- Where the counts are not those of the rows, as in jobs that came by a COPY that said nothing. It reads every job, and in
-- one statement: jobs and moves of other transactions are seen both or not at all. What has ended was counted also where
-- retention has dropped it since, so there more than is found is right.
AS $$
    WITH found AS (
        SELECT known.job_type, known.state, count(*) AS count FROM (
            SELECT j.job_type, j.status AS state FROM mesh.jobs j
            UNION ALL
            SELECT j.job_type, 'running' FROM mesh.leases l CROSS JOIN unnest(l.jobs) AS j
            WHERE NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = j.id)
            UNION ALL
            SELECT h.job_type, h.status FROM mesh.history h
            UNION ALL
            SELECT d.job_type, 'dead' FROM mesh.dead_jobs d) AS known (job_type, state)
        GROUP BY 1, 2
    ), compared AS (
        SELECT job_type, state, coalesce(g.count, 0) AS counted,
               CASE WHEN state IN ('completed', 'cancelled', 'superseded', 'purged') THEN greatest(g.count, f.count, 0)
                    ELSE coalesce(f.count, 0) END AS found
        FROM (SELECT * FROM mesh.job_gauges WHERE state <> 'enqueued') AS g FULL JOIN found f USING (job_type, state)
    ), totals AS (
        SELECT c.job_type, c.state, c.counted, c.found FROM compared c
        UNION ALL
        SELECT c.job_type, 'enqueued',
               coalesce((SELECT g.count FROM mesh.job_gauges g WHERE g.job_type = c.job_type AND g.state = 'enqueued'), 0),
               sum(c.found)::bigint
        FROM compared c GROUP BY c.job_type
    )
    SELECT t.job_type, t.state, t.counted, t.found FROM totals t WHERE t.counted <> t.found
$$;

CREATE FUNCTION mesh.recount() RETURNS TABLE (job_type text, state text, counted bigint, found bigint)
LANGUAGE plpgsql SET search_path = ''
-- Makes the counts right while jobs move: nobody is locked out. Returns what was wrong.
AS $$
BEGIN
    -- Two of these would correct the same twice; the statement after it sees what the other has done.
    PERFORM pg_advisory_xact_lock(hashtextextended('mesh.recount', 0));
    RETURN QUERY
    WITH wrong AS MATERIALIZED (SELECT m.* FROM mesh.miscounts() AS m), corrected AS (
        INSERT INTO mesh.job_counts AS c (job_type, state, count)
        SELECT w.job_type, w.state, w.found - w.counted FROM wrong w ORDER BY 1, 2
        ON CONFLICT ON CONSTRAINT job_counts_pkey DO UPDATE SET count = c.count + excluded.count
    )
    SELECT w.* FROM wrong w ORDER BY 1, 2;
END $$;

SELECT FROM mesh.recount();

CREATE FUNCTION mesh.queue_minutes(since interval DEFAULT '1 hour')
RETURNS TABLE (minute timestamptz, job_type text, enqueued bigint, completed bigint, failed bigint, rescued bigint,
               dead bigint, mean_ms double precision)
LANGUAGE sql STABLE SET search_path = ''
-- What happened in each minute; those of more than two days ago are forgotten.
AS $$
    WITH happened AS (
        SELECT d.minute, d.job_type, d.source, d.target, d.count, d.total_ms FROM mesh.job_minutes d
        WHERE d.minute > statement_timestamp() - since
        UNION ALL
        SELECT date_bin('1 minute', m.at, 'epoch') AS minute, m.job_type, coalesce(m.source, ''), m.target, sum(m.count),
               coalesce(sum(m.total_ms), 0)
        FROM mesh.job_moves m WHERE m.at > statement_timestamp() - since GROUP BY 1, 2, 3, 4
    )
    SELECT h.minute, h.job_type,
           coalesce(sum(h.count) FILTER (WHERE h.source = ''), 0)::bigint,
           coalesce(sum(h.count) FILTER (WHERE h.target = 'completed'), 0)::bigint,
           coalesce(sum(h.count) FILTER (WHERE h.target = 'failed'), 0)::bigint,
           coalesce(sum(h.count) FILTER (WHERE h.target = 'rescued'), 0)::bigint,
           coalesce(sum(h.count) FILTER (WHERE h.target = 'dead'), 0)::bigint,
           (sum(h.total_ms) FILTER (WHERE h.target = 'completed')
            / nullif(sum(h.count) FILTER (WHERE h.target = 'completed'), 0))::double precision
    FROM happened h GROUP BY 1, 2 ORDER BY 1, 2
$$;

CREATE FUNCTION mesh.oldest_pending() RETURNS TABLE (job_type text, waiting_since timestamptz)
LANGUAGE sql STABLE SET search_path = ''
AS $$
    SELECT head.job_type, min(head.run_at)
    FROM mesh.lane_heads(ARRAY(SELECT g.job_type FROM mesh.job_gauges g WHERE g.state = 'pending' AND g.count > 0), true) AS head
    GROUP BY head.job_type
$$;

CREATE FUNCTION mesh.queue_stats()
RETURNS TABLE (job_type text, paused boolean, enqueued bigint, pending bigint, scheduled bigint, blocked bigint,
               running bigint, completed bigint, cancelled bigint, superseded bigint, dead bigint, purged bigint,
               enqueued_per_minute double precision, completed_per_minute double precision,
               failed_per_minute double precision, mean_ms double precision, oldest_pending_seconds double precision)
LANGUAGE sql STABLE SET search_path = ''
-- One row for each job type: how many jobs are where, the last hour's rates and mean duration, and how long the oldest job
-- that may run has waited.
AS $$
    WITH gauge AS (
        SELECT g.job_type, jsonb_object_agg(g.state, g.count) AS counts FROM mesh.job_gauges g GROUP BY g.job_type
    ), hour AS (
        SELECT h.job_type, sum(h.count) FILTER (WHERE h.source = '') / 60.0 AS enqueued,
               sum(h.count) FILTER (WHERE h.target = 'completed') / 60.0 AS completed,
               sum(h.count) FILTER (WHERE h.target = 'failed') / 60.0 AS failed,
               sum(h.total_ms) FILTER (WHERE h.target = 'completed')
               / nullif(sum(h.count) FILTER (WHERE h.target = 'completed'), 0) AS mean_ms
        FROM (SELECT d.job_type, d.source, d.target, d.count, d.total_ms FROM mesh.job_minutes d
              WHERE d.minute > statement_timestamp() - interval '1 hour'
              UNION ALL
              SELECT m.job_type, coalesce(m.source, ''), m.target, m.count, m.total_ms FROM mesh.job_moves m
              WHERE m.at > statement_timestamp() - interval '1 hour') AS h
        GROUP BY h.job_type
    )
    SELECT t.name, t.paused, counts.*, coalesce(hour.enqueued, 0), coalesce(hour.completed, 0), coalesce(hour.failed, 0),
           hour.mean_ms, extract(epoch FROM clock_timestamp() - oldest.waiting_since)
    FROM mesh.job_types t
    LEFT JOIN gauge ON gauge.job_type = t.name
    LEFT JOIN hour ON hour.job_type = t.name
    LEFT JOIN mesh.oldest_pending() AS oldest ON oldest.job_type = t.name
    CROSS JOIN LATERAL (
        SELECT coalesce((gauge.counts ->> 'enqueued')::bigint, 0), coalesce((gauge.counts ->> 'pending')::bigint, 0),
               coalesce((gauge.counts ->> 'scheduled')::bigint, 0), coalesce((gauge.counts ->> 'blocked')::bigint, 0),
               coalesce((gauge.counts ->> 'running')::bigint, 0), coalesce((gauge.counts ->> 'completed')::bigint, 0),
               coalesce((gauge.counts ->> 'cancelled')::bigint, 0), coalesce((gauge.counts ->> 'superseded')::bigint, 0),
               coalesce((gauge.counts ->> 'dead')::bigint, 0), coalesce((gauge.counts ->> 'purged')::bigint, 0)) AS counts
    ORDER BY t.name
$$;

CREATE VIEW mesh.running_leases AS
SELECT l.token, l.worker_id, l.owner, l.claimed_at, l.expires_at,
       l.size - (SELECT count(*) FROM mesh.lease_ends e WHERE e.token = l.token) AS jobs
FROM mesh.leases l;
COMMENT ON VIEW mesh.running_leases IS 'Leases, and how many of their jobs have not ended.';

CREATE FUNCTION mesh.queue_workers()
RETURNS TABLE (id uuid, name text, types text[], idle boolean, alive boolean, started_at timestamptz, expires_at timestamptz,
               leases bigint, jobs bigint, oldest_claim timestamptz)
LANGUAGE sql STABLE SET search_path = ''
AS $$
    SELECT w.id, w.name, w.types, w.idle, w.expires_at > clock_timestamp(), w.started_at, w.expires_at, count(held.token),
           coalesce(sum(held.jobs), 0)::bigint, min(held.claimed_at)
    FROM mesh.workers w LEFT JOIN mesh.running_leases held ON held.worker_id = w.id
    GROUP BY w.id ORDER BY w.started_at
$$;

CREATE FUNCTION mesh.queue_health(stuck_after interval DEFAULT '1 hour', backlog_age interval DEFAULT '5 minutes',
                                  unclaimed_after interval DEFAULT '2 minutes')
RETURNS TABLE (healthy boolean, reasons jsonb)
LANGUAGE sql STABLE SET search_path = ''
-- `reasons` is a list of {reason, job_type, jobs, seconds, detail}. stuck: jobs run for longer than stuck_after, or their
-- holder is dead for a minute and nobody has rescued them, or tick fails. backlog_age: jobs may run for so long, and
-- don't. no_workers, unclaimed_types: jobs wait for unclaimed_after (longer than a minute, for some have jobs run once a
-- minute), and no living worker could run any, or none of their type. paused: jobs of a paused type wait.
AS $$
    WITH waiting AS (
        SELECT o.job_type, o.waiting_since, t.paused
        FROM (SELECT p.job_type, p.waiting_since FROM mesh.oldest_pending() p
              UNION ALL -- due, and nobody promotes them
              (SELECT j.job_type, j.run_at FROM mesh.jobs j
               WHERE j.status = 'scheduled' AND j.run_at < statement_timestamp() - least(backlog_age, unclaimed_after)
               ORDER BY j.run_at LIMIT 1)) AS o
        JOIN mesh.job_types t ON t.name = o.job_type
    ), alive AS (
        SELECT w.types FROM mesh.workers w WHERE w.expires_at > clock_timestamp()
    ), found (reason, job_type, jobs, seconds, detail) AS (
        SELECT 'stuck', NULL::text, sum(r.jobs), extract(epoch FROM clock_timestamp() - min(r.claimed_at)),
               'jobs are claimed and do not end' FROM mesh.running_leases r
        WHERE r.jobs > 0 AND r.claimed_at < clock_timestamp() - stuck_after HAVING count(*) > 0
        UNION ALL
        SELECT 'stuck', NULL, sum(r.jobs), extract(epoch FROM clock_timestamp() - min(r.claimed_at)),
               'jobs of dead workers are not rescued: nobody calls mesh.tick()'
        FROM mesh.running_leases r LEFT JOIN mesh.workers w ON w.id = r.worker_id
        WHERE r.jobs > 0 AND coalesce(r.expires_at, w.expires_at, r.claimed_at) < clock_timestamp() - interval '1 minute'
        HAVING count(*) > 0
        UNION ALL
        SELECT 'stuck', NULL, NULL, NULL, format('mesh.tick(), %s: %s', c.name, c.last_error)
        FROM mesh.chores c WHERE c.last_error IS NOT NULL
        UNION ALL
        SELECT 'backlog_age', w.job_type, NULL, extract(epoch FROM clock_timestamp() - min(w.waiting_since)),
               'jobs wait to be run' FROM waiting w
        WHERE NOT w.paused AND w.waiting_since < clock_timestamp() - backlog_age GROUP BY w.job_type
        UNION ALL
        SELECT 'no_workers', NULL, NULL, extract(epoch FROM clock_timestamp() - min(w.waiting_since)),
               'jobs wait, and no worker is alive' FROM waiting w
        WHERE NOT w.paused AND w.waiting_since < clock_timestamp() - unclaimed_after AND NOT EXISTS (SELECT FROM alive)
        HAVING count(*) > 0
        UNION ALL
        SELECT 'unclaimed_types', w.job_type, NULL, extract(epoch FROM clock_timestamp() - min(w.waiting_since)),
               'jobs wait, and no worker that is alive has a handler for them' FROM waiting w
        WHERE NOT w.paused AND w.waiting_since < clock_timestamp() - unclaimed_after AND EXISTS (SELECT FROM alive)
          AND NOT EXISTS (SELECT FROM alive a WHERE w.job_type = ANY (a.types)) GROUP BY w.job_type
        UNION ALL
        SELECT 'paused', g.job_type, g.count, NULL, 'jobs wait, and their type is paused'
        FROM mesh.job_gauges g JOIN mesh.job_types t ON t.name = g.job_type
        WHERE t.paused AND g.state = 'pending' AND g.count > 0
    )
    SELECT count(*) = 0, coalesce(jsonb_agg(jsonb_build_object('reason', f.reason, 'job_type', f.job_type, 'jobs', f.jobs,
               'seconds', round(f.seconds), 'detail', f.detail) ORDER BY f.reason, f.job_type), '[]')
    FROM found f
$$;

CREATE FUNCTION mesh.drop_old_history(keep interval DEFAULT '14 days', most integer DEFAULT 5000) RETURNS integer
LANGUAGE plpgsql SET search_path = '' SET lock_timeout = '100ms'
-- Drops the days that lie before `keep` as a whole. Dropping needs a moment without readers of history: while it waits for
-- one, completions wait behind it, so it gives up soon and is asked again in a minute. Returns how many days went.
AS $$
DECLARE
    oldest date := ((clock_timestamp() - keep) AT TIME ZONE 'UTC')::date;
    day name;
    dropped integer := 0;
BEGIN
    -- What came while nobody made partitions.
    DELETE FROM mesh.history_default h
    WHERE h.ctid = ANY (ARRAY(SELECT old.ctid FROM mesh.history_default old
                              WHERE old.completed_at < clock_timestamp() - keep LIMIT most));
    FOR day IN
        SELECT c.relname FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'mesh.history'::regclass AND c.relname ~ '^history_\d{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < oldest
        ORDER BY c.relname
    LOOP
        BEGIN
            EXECUTE format('DROP TABLE mesh.%I', day);
            dropped := dropped + 1;
        EXCEPTION WHEN lock_not_available THEN
            RETURN dropped;
        END;
    END LOOP;
    RETURN dropped;
END $$;

CREATE FUNCTION mesh.prune(keep interval DEFAULT '14 days', most integer DEFAULT 5000) RETURNS void
LANGUAGE plpgsql SET search_path = ''
-- What nobody asks for any more: minutes, firings of schedules, keys whose window is over.
AS $$
BEGIN
    DELETE FROM mesh.job_minutes d WHERE d.minute < statement_timestamp() - interval '48 hours';
    -- A firing is looked up for a day: shorter than that, it could come twice.
    DELETE FROM mesh.schedule_runs r WHERE r.fire_at < statement_timestamp() - greatest(keep, interval '2 days');
    DELETE FROM mesh.job_keys k WHERE k.ctid = ANY (ARRAY(
        SELECT gone.ctid FROM mesh.job_keys gone WHERE gone.expires_at < statement_timestamp()
        ORDER BY gone.expires_at LIMIT most FOR UPDATE SKIP LOCKED));
END $$;

SELECT mesh.keep_private();
