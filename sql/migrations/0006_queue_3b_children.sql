-- Jobs become ready: their time has come, or the last of their parents has ended. Parents that end lock their children, in
-- the order of ids, and count what is left in a later statement: two that end at once see each other.

CREATE FUNCTION mesh.make_ready(places tid[], source text, OUT changed bigint, OUT keys text[])
LANGUAGE plpgsql SET search_path = ''
-- Jobs that the caller has locked, and that were in the state `source`. Those with a gate wait for it: `keys` are to be
-- admitted. `run_at` is since when a job could have run, which is what its lane is ranked by.
AS $$
DECLARE
    at timestamptz := clock_timestamp();
BEGIN
    WITH ready AS (
        UPDATE mesh.jobs j
        SET status = CASE WHEN j.run_at > at THEN 'scheduled' WHEN j.gate IS NULL THEN 'pending' ELSE 'blocked' END,
            blocked_by = CASE WHEN j.run_at <= at AND j.gate IS NOT NULL THEN 'gate' END,
            seq = nextval('mesh.job_seq'),
            run_at = CASE WHEN make_ready.source = 'blocked' THEN greatest(j.run_at, at) ELSE j.run_at END
        WHERE j.ctid = ANY (places)
        RETURNING j.job_type, j.status, CASE WHEN j.blocked_by = 'gate' THEN j.gate END AS gate
    ), moves AS (
        INSERT INTO mesh.job_moves (job_type, source, target, count)
        SELECT r.job_type, make_ready.source, r.status, count(*) FROM ready r WHERE r.status <> make_ready.source GROUP BY 1, 3
    )
    SELECT count(*), coalesce(array_agg(DISTINCT r.gate) FILTER (WHERE r.gate IS NOT NULL), '{}') INTO changed, keys FROM ready r;
END $$;

CREATE OR REPLACE FUNCTION mesh.promote_jobs() RETURNS bigint
LANGUAGE plpgsql SET search_path = '' SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    -- A variable: the index can't be searched by clock_timestamp() itself, and would be read to its end.
    moment timestamptz := clock_timestamp();
    due tid[] := ARRAY(SELECT j.ctid FROM mesh.jobs j WHERE j.status = 'scheduled' AND j.run_at <= moment
                       ORDER BY j.run_at LIMIT 5000 FOR UPDATE SKIP LOCKED);
    ready record;
BEGIN
    IF due = '{}' THEN
        RETURN 0;
    END IF;
    SELECT * INTO ready FROM mesh.make_ready(due, 'scheduled');
    PERFORM mesh.admit_waiting(ready.keys) WHERE ready.keys <> '{}';
    RETURN ready.changed;
END $$;

CREATE FUNCTION mesh.record_ends(ended mesh.jobs[], outcome text, source text DEFAULT NULL, token bigint DEFAULT NULL,
                                 started timestamptz DEFAULT NULL) RETURNS void
LANGUAGE sql SET search_path = ''
-- Jobs that ended otherwise than by completion go to history. They come from `source`: null means the state that they have.
AS $$
    WITH remembered AS (
        INSERT INTO mesh.history (id, job_type, status, priority, payload, payload_version, user_id, attempts, rescues, errors,
                                  token, created_at, started_at, unique_key, parents)
        SELECT j.id, j.job_type, outcome, j.priority, j.payload, j.payload_version, j.user_id, j.attempts, j.rescues, j.errors,
               record_ends.token, j.created_at, started, j.unique_key, j.parents
        FROM unnest(ended) AS j
    )
    INSERT INTO mesh.job_moves (job_type, source, target, count)
    SELECT j.job_type, coalesce(record_ends.source, j.status), outcome, count(*) FROM unnest(ended) AS j GROUP BY 1, 2
$$;

CREATE FUNCTION mesh.free_keys(ended mesh.jobs[]) RETURNS void
LANGUAGE sql SET search_path = '' SET enable_seqscan = off
-- A key with a window outlives its job.
AS $$
    DELETE FROM mesh.job_keys k USING unnest(ended) AS j
    WHERE k.job_type = j.job_type AND k.key = j.unique_key AND k.job_id = j.id AND k.expires_at IS NULL
$$;

CREATE FUNCTION mesh.lock_line(ids uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = '' SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
-- These jobs and all that their end can reach, at once and in the order of ids: so nobody waits in a ring. Debounced jobs
-- come first, and in the order of their keys, in which enqueuers lock them; they are nobody's children.
AS $$
BEGIN
    PERFORM FROM mesh.jobs j WHERE j.id = ANY (ARRAY(
        WITH RECURSIVE line AS (
            SELECT unnest(ids) AS id UNION SELECT e.child_id FROM line JOIN mesh.job_edges e ON e.parent_id = line.id)
        SELECT line.id FROM line))
    ORDER BY CASE WHEN j.debounce_key IS NOT NULL THEN j.job_type END, j.debounce_key, j.id FOR UPDATE;
END $$;

CREATE FUNCTION mesh.cut_edges(ended uuid[]) RETURNS uuid[]
LANGUAGE sql SET search_path = '' SET enable_seqscan = off
-- The children that waited for these.
AS $$
    WITH cut AS (DELETE FROM mesh.job_edges e WHERE e.parent_id = ANY (ended) RETURNING e.child_id)
    SELECT coalesce(array_agg(DISTINCT cut.child_id), '{}') FROM cut
$$;

CREATE FUNCTION mesh.settle_children(met uuid[], lost uuid[]) RETURNS text[]
LANGUAGE plpgsql SET search_path = '' SET enable_seqscan = off
-- Parents have ended. A child whose last parent that was becomes ready; where one is lost (dead or cancelled), the child is
-- cancelled, and so are its own, unless they run after any end. Returns the gates that are to be admitted.
AS $$
DECLARE
    children uuid[];
    doomed mesh.jobs[];
    reached uuid[];
BEGIN
    PERFORM FROM mesh.job_edges e WHERE e.parent_id = ANY (met || lost) LIMIT 1;
    IF NOT FOUND THEN
        RETURN '{}';
    END IF;
    PERFORM mesh.lock_line(met || lost);
    children := mesh.cut_edges(met);
    WHILE lost <> '{}' LOOP
        reached := mesh.cut_edges(lost);
        WITH gone AS (DELETE FROM mesh.jobs j WHERE j.id = ANY (reached) AND j.after_any IS NOT TRUE RETURNING j)
        SELECT coalesce(array_agg(g.j), '{}') INTO doomed FROM gone g;
        PERFORM mesh.record_ends(doomed, 'cancelled'), mesh.free_keys(doomed);
        children := children || reached;
        lost := ARRAY(SELECT j.id FROM unnest(doomed) AS j);
        DELETE FROM mesh.job_edges e WHERE e.child_id = ANY (lost);
    END LOOP;
    RETURN (SELECT r.keys FROM mesh.make_ready(ARRAY(
        SELECT j.ctid FROM mesh.jobs j WHERE j.id = ANY (children) AND j.blocked_by = 'parents'
        AND NOT EXISTS (SELECT FROM mesh.job_edges e WHERE e.child_id = j.id)), 'blocked') AS r);
END $$;

CREATE TABLE mesh.late_ends (
    met uuid[] NOT NULL,
    lost uuid[] NOT NULL,
    freed text[] NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
COMMENT ON TABLE mesh.late_ends IS
    'Jobs that ended in a transaction that is not READ COMMITTED: tick does what their ends bring about.';

CREATE FUNCTION mesh.end_parents(met uuid[], lost uuid[], freed text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SET search_path = ''
-- `freed`: gates that have got slots back. Gates are locked last, and all in one go.
AS $$
DECLARE
    keys text[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        -- Who sees the past sees neither the children that came since nor the parents that have ended since.
        INSERT INTO mesh.late_ends (met, lost, freed)
        SELECT end_parents.met, end_parents.lost, end_parents.freed
        WHERE cardinality(end_parents.met || end_parents.lost) + cardinality(end_parents.freed) > 0;
        RETURN;
    END IF;
    keys := mesh.settle_children(met, lost);
    PERFORM mesh.admit_jobs(keys, freed) WHERE keys || freed <> '{}';
    PERFORM mesh.wake_workers();
END $$;

-- An enqueuer whose transaction is open while a parent ends makes an edge that the parent doesn't see. So tick looks at each
-- new edge until every transaction is over that may have missed it. Who ends a job has its transaction's number before it
-- looks for edges: so who missed an edge that is visible now has a smaller number than the next to be given out.
ALTER TABLE mesh.job_edges ADD COLUMN made_by bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint;
CREATE INDEX job_edges_made_by ON mesh.job_edges (made_by);

CREATE TABLE mesh.edge_checks (
    home oid PRIMARY KEY,
    checked bigint NOT NULL,
    visible bigint NOT NULL,
    missed_below bigint NOT NULL,
    looked bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
INSERT INTO mesh.edge_checks VALUES (0, 0, 0, 0, 0);
COMMENT ON TABLE mesh.edge_checks IS
    'Edges made below `checked` need no look; nor do those below `visible`, once all transactions below `missed_below` are over.';
COMMENT ON COLUMN mesh.edge_checks.looked IS
    'Where the next look begins: while some transaction stays open, `checked` stands still, and looks go round above it.';
COMMENT ON COLUMN mesh.edge_checks.home IS 'This table, by whose number a restored copy knows that the others are of another server.';

CREATE FUNCTION mesh.fresh_edges(since bigint, below bigint, OUT upto bigint, OUT met uuid[], OUT lost uuid[])
LANGUAGE sql STABLE SET search_path = '' SET enable_seqscan = off
-- The parents of edges that have ended; `upto` is null when these are all the edges made since then and below that.
AS $$
    WITH fresh AS MATERIALIZED (
        SELECT e.parent_id, e.made_by FROM mesh.job_edges e
        WHERE e.made_by >= since AND e.made_by < below
        ORDER BY e.made_by FETCH FIRST 1000 ROWS WITH TIES
    ), parents AS (
        SELECT p.parent_id, CASE WHEN EXISTS (SELECT FROM mesh.dead_jobs d WHERE d.id = p.parent_id) THEN 'dead'
                            ELSE (SELECT h.status FROM mesh.history h WHERE h.id = p.parent_id LIMIT 1) END AS outcome
        FROM (SELECT DISTINCT f.parent_id FROM fresh f) AS p
    )
    SELECT (SELECT CASE WHEN count(*) >= 1000 THEN max(f.made_by) + 1 END FROM fresh f),
           coalesce(array_agg(p.parent_id) FILTER (WHERE p.outcome IN ('completed', 'superseded')), '{}'),
           coalesce(array_agg(p.parent_id) FILTER (WHERE p.outcome IN ('dead', 'cancelled')), '{}')
    FROM parents p
$$;

CREATE FUNCTION mesh.advance_checked(state mesh.edge_checks, oldest_open bigint) RETURNS void
LANGUAGE plpgsql SET search_path = ''
-- All edges below `visible` have been looked at since nobody is left who may have missed one: it is the next ones' turn.
AS $$
DECLARE
    outer_number bigint;
    inner_bits bigint;
BEGIN
    -- The caller has an exception handler, and so a number of its own, given out after `oldest_open` was read; rows show the
    -- lower half of it.
    UPDATE mesh.edge_checks AS c SET checked = state.visible, visible = oldest_open RETURNING c.xmin::text::bigint INTO inner_bits;
    outer_number := pg_current_xact_id()::text::bigint;
    UPDATE mesh.edge_checks
    SET missed_below = outer_number + (inner_bits - outer_number % 4294967296 + 4294967296) % 4294967296;
END $$;

CREATE FUNCTION mesh.repair_children() RETURNS bigint
LANGUAGE plpgsql SET search_path = '' SET lock_timeout = '200ms'
-- For tick: children whose parents ended without seeing them. Returns how many parents those were. Edges are looked at soon
-- after they were made, and once more when that settles it.
AS $$
DECLARE
    oldest_open bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
    here oid := 'mesh.edge_checks'::regclass;
    state mesh.edge_checks;
    settled record;
    fresh record;
BEGIN
    PERFORM FROM mesh.edge_checks c
    WHERE EXISTS (SELECT FROM mesh.job_edges e WHERE c.home <> here OR e.made_by >= c.checked);
    IF FOUND THEN
        SELECT * INTO state FROM mesh.edge_checks FOR UPDATE SKIP LOCKED;
    END IF;
    IF state IS NULL THEN
        RETURN 0;
    ELSIF state.home <> here THEN
        state := (here, 0, 0, 0, 0);
    END IF;
    SELECT * INTO settled
    FROM mesh.fresh_edges(state.checked, CASE WHEN oldest_open >= state.missed_below THEN state.visible ELSE 0 END);
    SELECT * INTO fresh FROM mesh.fresh_edges(greatest(
        state.looked, CASE WHEN oldest_open >= state.missed_below THEN coalesce(settled.upto, state.visible) ELSE state.checked END),
        9223372036854775807);
    UPDATE mesh.edge_checks AS c SET home = here, checked = coalesce(settled.upto, state.checked), looked = coalesce(fresh.upto, 0)
    WHERE (c.home, c.checked, c.looked)
          IS DISTINCT FROM (here, coalesce(settled.upto, state.checked), coalesce(fresh.upto, 0));
    IF oldest_open >= state.missed_below AND settled.upto IS NULL THEN
        PERFORM mesh.advance_checked(state, oldest_open);
    END IF;
    PERFORM mesh.end_parents(settled.met || fresh.met, settled.lost || fresh.lost);
    RETURN cardinality(settled.met || fresh.met || settled.lost || fresh.lost);
EXCEPTION WHEN lock_not_available THEN
    RETURN 0; -- somebody is ending these children: the next tick looks again
END $$;

CREATE FUNCTION mesh.settle_late_ends() RETURNS bigint
LANGUAGE plpgsql SET search_path = '' SET enable_seqscan = off SET lock_timeout = '200ms'
-- For tick. Returns how many jobs those were.
AS $$
DECLARE
    late record;
BEGIN
    WITH taken AS (
        DELETE FROM mesh.late_ends l WHERE l.ctid = ANY (ARRAY(SELECT e.ctid FROM mesh.late_ends e LIMIT 1000 FOR UPDATE SKIP LOCKED))
        RETURNING l.met, l.lost, l.freed
    )
    SELECT ARRAY(SELECT unnest(t.met) FROM taken t) AS met, ARRAY(SELECT unnest(t.lost) FROM taken t) AS lost,
           ARRAY(SELECT unnest(t.freed) FROM taken t) AS freed INTO late;
    IF cardinality(late.met || late.lost) + cardinality(late.freed) > 0 THEN
        DELETE FROM mesh.job_progress p WHERE p.job_id = ANY (late.met || late.lost);
        PERFORM mesh.end_parents(late.met, late.lost, late.freed);
    END IF;
    RETURN cardinality(late.met || late.lost);
EXCEPTION WHEN lock_not_available THEN
    RETURN 0;
END $$;

SELECT mesh.keep_private();
