-- Gates: how many jobs of a key may run at a time, and how many may start per second. A job with a gate is blocked until the
-- gate admits it. It holds its slot while it is pending or running, over a rescue and a release too; every end frees it, and
-- so does whatever lets it wait (a backoff, a snooze). So a claim counts nothing.

CREATE FUNCTION mesh.moved(job_type text, source text, target text, n bigint, total_ms bigint DEFAULT NULL) RETURNS void
LANGUAGE sql SET search_path = ''
-- For whoever moves jobs of one type; who moves many appends to the table itself.
AS $$
    INSERT INTO mesh.job_moves (job_type, source, target, count, total_ms)
    SELECT moved.job_type, moved.source, moved.target, moved.n, moved.total_ms WHERE moved.n > 0
$$;

CREATE FUNCTION mesh.define_gate(key text, most_running integer DEFAULT NULL, rate double precision DEFAULT NULL,
                                 burst integer DEFAULT NULL, made_by_job boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SET search_path = ''
-- Makes a gate, or changes its limits. A gate that is so already is not locked: enqueuers may say it each time.
-- `burst` jobs may start at once after a quiet time; by default as many as in a second. A gate that was once defined by
-- somebody else than a job stays when nobody uses it.
AS $$
DECLARE
    most integer := define_gate.most_running;
    speed double precision := define_gate.rate;
    at_once integer := CASE WHEN speed IS NOT NULL THEN coalesce(define_gate.burst, least(greatest(ceil(speed), 1), 1000000)) END;
    wrong text := CASE
        WHEN coalesce(define_gate.key, '') = '' THEN 'it has no key'
        WHEN octet_length(define_gate.key) > 1000 THEN 'the key is longer than 1000 bytes'
        WHEN starts_with(define_gate.key, 'debounce:') THEN 'keys that begin with "debounce:" are the queue''s own'
        WHEN num_nonnulls(most, speed) = 0 THEN 'it limits nothing: give it most_running, or a rate (jobs per second)'
        WHEN most < 1 THEN 'most_running is not positive'
        WHEN speed <= 0 OR speed IN ('NaN', 'Infinity') THEN 'the rate is not a positive number'
        WHEN define_gate.burst < 1 THEN 'burst is not positive'
        WHEN define_gate.burst IS NOT NULL AND speed IS NULL THEN 'burst needs a rate' END;
BEGIN
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'gate %: %', quote_nullable(define_gate.key), wrong USING ERRCODE = 'PT422';
    END IF;
    PERFORM FROM mesh.gates g WHERE g.key = define_gate.key
        AND (g.most_running, g.rate, g.burst) IS NOT DISTINCT FROM (most, speed, at_once)
        AND g.made_by_job <= define_gate.made_by_job;
    IF NOT FOUND THEN
        INSERT INTO mesh.gates AS g (key, most_running, rate, burst, tokens, made_by_job)
        VALUES (define_gate.key, most, speed, at_once, at_once, define_gate.made_by_job)
        ON CONFLICT ON CONSTRAINT gates_pkey DO UPDATE
        SET most_running = excluded.most_running, rate = excluded.rate, burst = excluded.burst,
            tokens = CASE WHEN excluded.rate > 0 THEN least(mesh.gate_tokens(g), excluded.tokens) END,
            refilled_at = clock_timestamp(), made_by_job = g.made_by_job AND excluded.made_by_job;
        PERFORM mesh.admit_jobs(ARRAY[define_gate.key]);
    END IF;
END $$;

CREATE FUNCTION mesh.gate_tokens(gate mesh.gates) RETURNS double precision
LANGUAGE sql VOLATILE SET search_path = ''
-- How many jobs the rate lets start now; null without a rate.
AS $$
    SELECT least(gate.burst, gate.tokens
                 + gate.rate * greatest(extract(epoch FROM clock_timestamp() - gate.refilled_at)::double precision, 0))
$$;

CREATE FUNCTION mesh.admit_jobs(keys text[], freed text[] DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- Lets in what these gates have room for. `freed` names a gate once for each slot that is given back to it. Gates are locked
-- in the order of their keys; whoever needs locks on jobs takes them before.
AS $$
DECLARE
    gate mesh.gates;
    admitted bigint := 0;
BEGIN
    FOR gate IN SELECT g.* FROM mesh.gates g WHERE g.key = ANY (keys || freed) ORDER BY g.key FOR UPDATE LOOP
        admitted := admitted + mesh.fill_gate(gate, coalesce(cardinality(array_positions(freed, gate.key)), 0));
    END LOOP;
    RETURN admitted;
END $$;

CREATE FUNCTION mesh.fill_gate(gate mesh.gates, freed integer) RETURNS bigint
LANGUAGE plpgsql SET search_path = '' SET enable_seqscan = off SET enable_bitmapscan = off
-- The caller holds the gate's row. Jobs that somebody else has locked are passed over: tick comes back to them.
AS $$
DECLARE
    used integer := greatest(gate.admitted - freed, 0);
    left_over double precision := mesh.gate_tokens(gate);
    room bigint := least(gate.most_running - used, floor(left_over), 5000);
    entered bigint := 0;
BEGIN
    IF room > 0 THEN
        WITH entering AS (
            UPDATE mesh.jobs j SET status = 'pending', blocked_by = NULL, seq = nextval('mesh.job_seq'), run_at = clock_timestamp()
            WHERE j.ctid = ANY (ARRAY(SELECT b.ctid FROM mesh.jobs b WHERE b.blocked_by = 'gate' AND b.gate = fill_gate.gate.key
                                      ORDER BY b.priority DESC, b.seq LIMIT room FOR UPDATE SKIP LOCKED))
            RETURNING j.job_type
        ), moves AS (
            INSERT INTO mesh.job_moves (job_type, source, target, count)
            SELECT e.job_type, 'blocked', 'pending', count(*) FROM entering e GROUP BY e.job_type RETURNING count
        )
        SELECT coalesce(sum(m.count), 0) INTO entered FROM moves m;
    END IF;
    IF used + entered = 0 AND starts_with(gate.key, 'debounce:') THEN
        DELETE FROM mesh.gates g WHERE g.key = gate.key;
    ELSIF freed > 0 OR entered > 0 THEN
        UPDATE mesh.gates g SET admitted = used + entered, tokens = left_over - entered, refilled_at = clock_timestamp()
        WHERE g.key = gate.key;
    END IF;
    RETURN entered;
END $$;

CREATE FUNCTION mesh.waiting_gates() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = '' SET enable_seqscan = off SET enable_bitmapscan = off
-- The gates that block jobs: one step of the index for each, however many jobs it blocks.
AS $$
    WITH RECURSIVE waiting AS (
        (SELECT j.gate FROM mesh.jobs j WHERE j.blocked_by = 'gate' ORDER BY j.gate LIMIT 1)
        UNION ALL
        SELECT next.gate FROM waiting w CROSS JOIN LATERAL (
            SELECT j.gate FROM mesh.jobs j WHERE j.blocked_by = 'gate' AND j.gate > w.gate ORDER BY j.gate LIMIT 1) AS next
    )
    SELECT w.gate FROM waiting w
$$;

CREATE FUNCTION mesh.admit_waiting(keys text[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- The same as admit_jobs, for those who must not wait: gates that somebody has locked are passed over. So are all where the
-- transaction sees the past, as a change of the gate since then would make it fail.
AS $$
DECLARE
    free text[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN 0;
    END IF;
    -- The gate of a debounced job is there only while one of its key is pending or running. One that somebody is deleting at
    -- this moment is there still: who inserted it would wait for that transaction. Other gates are there, or their limits are
    -- forgotten: then their jobs run one at a time, until somebody defines the gate.
    INSERT INTO mesh.gates (key, most_running, made_by_job) SELECT DISTINCT k, 1, true FROM unnest(keys) AS k
    WHERE NOT EXISTS (SELECT FROM mesh.gates g WHERE g.key = k) ORDER BY k ON CONFLICT DO NOTHING;
    free := ARRAY(SELECT g.key FROM mesh.gates g WHERE g.key = ANY (keys) ORDER BY g.key FOR UPDATE SKIP LOCKED);
    RETURN CASE WHEN free = '{}' THEN 0 ELSE mesh.admit_jobs(free) END;
END $$;

CREATE FUNCTION mesh.admit_due_gates() RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- For tick: gates that block jobs although they have room. Time fills tokens; the rest is what others passed over.
AS $$
DECLARE
    open text[] := ARRAY(SELECT w.key FROM mesh.waiting_gates() AS w (key) LEFT JOIN mesh.gates g ON g.key = w.key
                         WHERE coalesce(g.admitted < g.most_running, true) AND coalesce(mesh.gate_tokens(g) >= 1, true));
BEGIN
    RETURN CASE WHEN open = '{}' THEN 0 ELSE mesh.admit_waiting(open) END;
END $$;

CREATE FUNCTION mesh.keep_gates(keys text[]) RETURNS void
LANGUAGE plpgsql SET search_path = ''
-- For enqueuers: what has been idle for long is not to be dropped before they commit. Waits for nobody; who sees the past
-- would fail where somebody else has used the gate since, and does without.
AS $$
BEGIN
    IF current_setting('transaction_isolation') = 'read committed' THEN
        UPDATE mesh.gates g SET tokens = mesh.gate_tokens(g), refilled_at = clock_timestamp()
        WHERE g.ctid = ANY (ARRAY(
            SELECT idle.ctid FROM mesh.gates idle WHERE idle.key = ANY (keys) AND idle.made_by_job
            AND idle.refilled_at < clock_timestamp() - interval '12 hours' ORDER BY idle.key FOR UPDATE SKIP LOCKED));
    END IF;
END $$;

CREATE FUNCTION mesh.drop_idle_gates(most integer DEFAULT 5000) RETURNS bigint
LANGUAGE plpgsql SET search_path = '' SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
-- For tick: gates that jobs have made, such as one for each user, go when for a day no job has come or ended; unless one
-- names them still, or the rate has not filled them by then. The next job brings the limits along again.
AS $$
DECLARE
    dropped bigint;
BEGIN
    DELETE FROM mesh.gates g WHERE g.key = ANY (ARRAY(
        SELECT idle.key FROM mesh.gates idle
        WHERE idle.made_by_job AND idle.admitted = 0 AND idle.refilled_at < statement_timestamp() - interval '1 day'
          AND coalesce(mesh.gate_tokens(idle) >= idle.burst, true)
          AND NOT EXISTS (SELECT FROM mesh.jobs j WHERE j.gate = idle.key)
          AND NOT EXISTS (SELECT FROM mesh.dead_jobs d WHERE d.gate = idle.key)
        LIMIT most FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END $$;

CREATE FUNCTION mesh.next_gate_due() RETURNS double precision
LANGUAGE sql VOLATILE SET search_path = ''
-- The seconds until the first gate that blocks jobs has a token for one of them and room; null when none waits for time.
AS $$
    SELECT min(greatest((1 - mesh.gate_tokens(g)) / g.rate, 0)) FROM mesh.waiting_gates() AS w (key)
    JOIN mesh.gates g ON g.key = w.key WHERE g.rate IS NOT NULL AND coalesce(g.admitted < g.most_running, true)
$$;

SELECT mesh.keep_private();
