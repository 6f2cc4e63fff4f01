-- Out of a lease, with all that an end brings about: freed keys and slots, children that become ready or are cancelled. A
-- batch of plain jobs pays for none of it: it is one DELETE of the lease, one INSERT into history and one row of moves.

CREATE FUNCTION mesh.take_batch(lease_token bigint, job_ids uuid[], OUT taken mesh.jobs[], OUT started timestamptz)
LANGUAGE plpgsql SET search_path = ''
-- The only way out of a lease. Gives the jobs that leave by this call: none when the lease has been taken away, and never
-- one that has left before. As many ids as the lease has jobs are taken for those jobs: the caller calls check_batch.
AS $$
DECLARE
    batch_size integer;
    leaving uuid[];
BEGIN
    -- All at once: the usual end of a batch of quick jobs needs no row for each of them.
    DELETE FROM mesh.leases l WHERE l.token = lease_token AND l.size = cardinality(job_ids)
    RETURNING l.jobs, l.claimed_at INTO taken, started;
    IF FOUND THEN
        -- Asked only now: the DELETE has waited for whoever held a part of the batch.
        WITH ended AS (DELETE FROM mesh.lease_ends e WHERE e.token = lease_token RETURNING e.job_id)
        SELECT array_agg(ended.job_id) INTO leaving FROM ended;
        IF leaving IS NOT NULL THEN
            taken := ARRAY(SELECT j FROM unnest(taken) AS j WHERE j.id <> ALL (leaving));
        END IF;
        RETURN;
    END IF;
    -- A part: the lock keeps rescue out until this commits, and lets other parts of the batch leave meanwhile.
    SELECT l.jobs, l.claimed_at, l.size INTO taken, started, batch_size
    FROM mesh.leases l WHERE l.token = lease_token FOR KEY SHARE;
    WITH ended AS (
        INSERT INTO mesh.lease_ends (token, job_id)
        SELECT lease_token, j.id FROM unnest(taken) AS j WHERE j.id = ANY (job_ids) ORDER BY j.id
        ON CONFLICT DO NOTHING RETURNING job_id
    )
    SELECT array_agg(ended.job_id) INTO leaving FROM ended;
    taken := ARRAY(SELECT j FROM unnest(taken) AS j WHERE j.id = ANY (leaving));
    IF batch_size = (SELECT count(*) FROM mesh.lease_ends e WHERE e.token = lease_token) THEN
        PERFORM mesh.close_lease(lease_token);
    END IF;
END $$;

CREATE FUNCTION mesh.check_batch(lease_token bigint, strangers bigint) RETURNS void
LANGUAGE plpgsql SET search_path = ''
AS $$
BEGIN
    IF strangers > 0 THEN
        RAISE EXCEPTION 'not all of these jobs are of the lease %, each once', lease_token USING ERRCODE = 'PT409';
    END IF;
END $$;

CREATE FUNCTION mesh.take_known(lease_token bigint, job_ids uuid[], OUT taken mesh.jobs[], OUT started timestamptz)
LANGUAGE plpgsql SET search_path = ''
AS $$
BEGIN
    SELECT b.taken, b.started INTO taken, started FROM mesh.take_batch(lease_token, job_ids) AS b;
    PERFORM mesh.check_batch(lease_token, (SELECT count(*) FROM unnest(taken) AS j WHERE j.id <> ALL (job_ids)));
END $$;

CREATE OR REPLACE FUNCTION mesh.take_jobs(lease_token bigint, job_ids uuid[]) RETURNS SETOF mesh.jobs
LANGUAGE sql SET search_path = ''
AS $$ SELECT j.* FROM mesh.take_known(lease_token, job_ids) AS b CROSS JOIN unnest(b.taken) AS j $$;

CREATE FUNCTION mesh.are_noted(ids uuid[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = '' SET enable_seqscan = off
-- Whether jobs wait for one of these, or somebody wants to end it, or it has told of its progress.
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM mesh.job_edges d WHERE d.parent_id = ANY (ids))
        OR EXISTS (SELECT FROM mesh.cancellations c WHERE c.job_id = ANY (ids))
        OR EXISTS (SELECT FROM mesh.job_progress p WHERE p.job_id = ANY (ids));
END $$;

CREATE OR REPLACE FUNCTION mesh.complete_jobs(
    lease_token bigint, job_ids uuid[], results jsonb[] DEFAULT NULL, durations_ms integer[] DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
AS $$
DECLARE
    batch record;
    ends record;
BEGIN
    SELECT b.taken, b.started INTO batch FROM mesh.take_batch(lease_token, job_ids) AS b;
    WITH ended AS MATERIALIZED (
        SELECT j.id, j.job_type, j.priority, j.payload, j.payload_version, j.user_id, j.attempts, j.rescues, j.errors,
               j.created_at, j.unique_key, j.parents, j.gate, o.id IS NULL AS strange, o.result,
               coalesce(o.duration_ms, extract(epoch FROM clock_timestamp() - batch.started) * 1000)::integer AS duration_ms
        FROM unnest(batch.taken) AS j
        LEFT JOIN unnest(job_ids, results, durations_ms) AS o (id, result, duration_ms) ON o.id = j.id
    ), remembered AS (
        INSERT INTO mesh.history (id, job_type, status, priority, payload, payload_version, user_id, attempts, rescues, errors,
                                  result, token, duration_ms, created_at, started_at, unique_key, parents)
        SELECT e.id, e.job_type, 'completed', e.priority, e.payload, e.payload_version, e.user_id, e.attempts + 1, e.rescues,
               e.errors, e.result, lease_token, e.duration_ms, e.created_at, batch.started, e.unique_key, e.parents
        FROM ended e
    ), moves AS (
        INSERT INTO mesh.job_moves (job_type, source, target, count, total_ms)
        SELECT e.job_type, 'running', 'completed', count(*), sum(e.duration_ms) FROM ended e GROUP BY 1
    )
    SELECT count(*) AS accepted, count(*) FILTER (WHERE e.strange) AS strangers,
           bool_or(e.unique_key IS NOT NULL OR e.gate IS NOT NULL) AS eventful
    INTO ends FROM ended e;
    IF ends.strangers > 0 OR ends.accepted > cardinality(batch.taken) THEN
        PERFORM mesh.check_batch(lease_token, 1);
    -- Where a feature was never used its table has no page, and nobody pays for a look into its index.
    ELSIF ends.eventful OR ends.accepted > 0
        AND pg_relation_size('mesh.job_edges') + pg_relation_size('mesh.cancellations') + pg_relation_size('mesh.job_progress') > 0
        AND (current_setting('transaction_isolation') <> 'read committed' OR mesh.are_noted(job_ids)) THEN
        PERFORM mesh.end_jobs(batch.taken, '{}', mesh.slots(batch.taken));
    END IF;
    RETURN ends.accepted;
END $$;

CREATE FUNCTION mesh.slots(held mesh.jobs[]) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = ''
-- The gates of which these jobs have a slot: those that are pending, or were before they ran.
AS $$ SELECT ARRAY(SELECT j.gate FROM unnest(held) AS j WHERE j.gate IS NOT NULL AND j.status = 'pending') $$;

CREATE FUNCTION mesh.end_jobs(ended mesh.jobs[], lost uuid[], freed text[]) RETURNS void
LANGUAGE plpgsql SET search_path = '' SET enable_seqscan = off
-- What an end brings about besides its row. `lost`: those that died or were cancelled; `freed`: the slots that are given back.
AS $$
DECLARE
    ids uuid[] := ARRAY(SELECT j.id FROM unnest(ended) AS j);
BEGIN
    PERFORM mesh.free_keys(ended);
    DELETE FROM mesh.job_edges e WHERE e.child_id = ANY (ids);
    DELETE FROM mesh.cancellations c WHERE c.job_id = ANY (ids);
    DELETE FROM mesh.job_progress p WHERE p.job_id = ANY (ids);
    PERFORM mesh.end_parents(ARRAY(SELECT id FROM unnest(ids) AS id WHERE id <> ALL (lost)), lost, freed);
END $$;

CREATE TYPE mesh.job_end AS (job mesh.jobs, outcome text);
COMMENT ON TYPE mesh.job_end IS
    'A job that leaves its lease, as it is from now on. Outcome: null if it waits again, cancelled, superseded, or why it is dead.';

CREATE FUNCTION mesh.bury_jobs(buried mesh.job_end[], started timestamptz) RETURNS void
LANGUAGE sql SET search_path = ''
-- A dead letter of the same id, for somebody gave it twice, makes way.
AS $$
    WITH replaced AS (
        DELETE FROM mesh.dead_jobs d WHERE d.id IN (SELECT (b.job).id FROM unnest(buried) AS b) RETURNING d.job_type
    )
    INSERT INTO mesh.job_moves (job_type, source, target, count)
    SELECT r.job_type, 'dead', 'purged', count(*) FROM replaced r GROUP BY 1;
    INSERT INTO mesh.dead_jobs (id, job_type, reason, priority, payload, payload_version, user_id, attempts, max_attempts,
                                rescues, errors, created_at, started_at, unique_key, debounce_key, gate, parents, after_any,
                                timeout_ms, traceparent)
    SELECT j.id, j.job_type, b.outcome, j.priority, j.payload, j.payload_version, j.user_id, j.attempts, j.max_attempts,
           j.rescues, j.errors, j.created_at, bury_jobs.started, j.unique_key, j.debounce_key, j.gate, j.parents, j.after_any,
           j.timeout_ms, j.traceparent
    FROM unnest(buried) AS b CROSS JOIN LATERAL (SELECT (b.job).*) AS j;
    INSERT INTO mesh.job_moves (job_type, source, target, count)
    SELECT (b.job).job_type, 'running', 'dead', count(*) FROM unnest(buried) AS b GROUP BY 1
$$;

CREATE FUNCTION mesh.insert_debounced(job mesh.jobs, patience text) RETURNS text
LANGUAGE plpgsql SET search_path = '' SET lock_timeout = '100ms'
-- waits, or superseded: another waits under the key; or keyless. Somebody may have enqueued under the key in a transaction
-- that stays open, and the worker must not wait for that. The job then goes back without its key, so that it runs once more
-- than needed, though never beside another, for the key's gate holds.
AS $$
BEGIN
    PERFORM set_config('lock_timeout', patience, true);
    INSERT INTO mesh.jobs SELECT (job).* ON CONFLICT DO NOTHING;
    RETURN CASE WHEN FOUND THEN 'waits' ELSE 'superseded' END;
EXCEPTION WHEN lock_not_available THEN
    job.debounce_key := NULL;
    INSERT INTO mesh.jobs SELECT (job).*;
    RETURN 'keyless';
END $$;

CREATE FUNCTION mesh.wait_again(again mesh.jobs[]) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = ''
-- Into mesh.jobs. Returns those that are superseded, which are not inserted.
AS $$
DECLARE
    superseded uuid[];
    job mesh.jobs;
    outcome text := '';
BEGIN
    WITH inserted AS (
        INSERT INTO mesh.jobs SELECT j.* FROM unnest(again) AS j WHERE j.debounce_key IS NULL ON CONFLICT DO NOTHING RETURNING id
    )
    -- Somebody gave its id twice: that must not keep the others from going back.
    SELECT coalesce(array_agg(j.id), '{}') INTO superseded FROM unnest(again) AS j
    WHERE j.debounce_key IS NULL AND j.id NOT IN (SELECT i.id FROM inserted i);
    FOR job IN SELECT j.* FROM unnest(again) AS j WHERE j.debounce_key IS NOT NULL ORDER BY j.job_type, j.debounce_key LOOP
        -- Patience with one transaction is enough: it may have enqueued under all the keys.
        outcome := mesh.insert_debounced(job, CASE outcome WHEN 'keyless' THEN '1ms' ELSE '100ms' END);
        IF outcome = 'superseded' THEN
            superseded := superseded || job.id;
        END IF;
    END LOOP;
    INSERT INTO mesh.job_moves (job_type, source, target, count)
    SELECT j.job_type, 'running', j.status, count(*) FROM unnest(again) AS j WHERE j.id <> ALL (superseded) GROUP BY 1, 3;
    RETURN superseded;
END $$;

CREATE FUNCTION mesh.put_back(leaving mesh.job_end[], lease_token bigint, started timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = '' SET enable_seqscan = off
-- The one way out of a lease besides completion. A job that is pending keeps its slot; one that waits for a time frees it.
AS $$
DECLARE
    ids uuid[] := ARRAY(SELECT (l.job).id FROM unnest(leaving) AS l);
    asked uuid[] := ARRAY(SELECT c.job_id FROM mesh.cancellations c WHERE c.job_id = ANY (ids));
    ends mesh.job_end[] := leaving;
    superseded uuid[];
    ended mesh.jobs[];
BEGIN
    IF asked <> '{}' THEN
        ends := ARRAY(SELECT ROW(l.job, CASE WHEN (l.job).id = ANY (asked) THEN 'cancelled' ELSE l.outcome END)::mesh.job_end
                      FROM unnest(leaving) AS l);
    END IF;
    superseded := mesh.wait_again(ARRAY(SELECT e.job FROM unnest(ends) AS e WHERE e.outcome IS NULL));
    ended := ARRAY(SELECT e.job FROM unnest(ends) AS e WHERE e.outcome IS NOT NULL OR (e.job).id = ANY (superseded));
    IF ended <> '{}' THEN
        PERFORM mesh.bury_jobs(ARRAY(SELECT e FROM unnest(ends) AS e WHERE e.outcome <> 'cancelled'), started);
        PERFORM mesh.record_ends(ARRAY(SELECT e.job FROM unnest(ends) AS e WHERE e.outcome = 'cancelled'),
                                 'cancelled', 'running', lease_token, started);
        PERFORM mesh.record_ends(ARRAY(SELECT e.job FROM unnest(ends) AS e WHERE (e.job).id = ANY (superseded)),
                                 'superseded', 'running', lease_token, started);
    END IF;
    DELETE FROM mesh.job_progress p WHERE p.job_id = ANY (ids);
    PERFORM mesh.end_jobs(
        ended, ARRAY(SELECT (e.job).id FROM unnest(ends) AS e WHERE e.outcome IS NOT NULL),
        ARRAY(SELECT (e.job).gate FROM unnest(ends) AS e
              WHERE (e.job).gate IS NOT NULL
                AND ((e.job).status <> 'pending' OR e.outcome IS NOT NULL OR (e.job).id = ANY (superseded))));
END $$;

SELECT mesh.keep_private();
