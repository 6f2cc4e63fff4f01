-- Whole leases end with one look at the jobs that had ended before; and a redriven job is counted where it is moved.

CREATE OR REPLACE FUNCTION mesh.complete_leases(tokens bigint[], job_ids uuid[], results jsonb[], durations_ms integer[])
RETURNS TABLE (token bigint, accepted bigint)
LANGUAGE plpgsql SET search_path = ''
-- One token for each job. Returns the leases that it has ended, and how many jobs of each; the others are gone, or had ended
-- in part, and are left to complete_jobs.
AS $$
DECLARE
    whole mesh.leases[];
    before mesh.lease_ends[];
    ends record;
    batch mesh.jobs[];
BEGIN
    WITH told AS (
        SELECT t.token, count(*) AS size FROM unnest(tokens) AS t (token) GROUP BY 1
    ), gone AS (
        DELETE FROM mesh.leases l USING told WHERE l.token = told.token AND l.size = told.size RETURNING l AS lease
    )
    SELECT array_agg(gone.lease) INTO whole FROM gone;
    IF whole IS NULL THEN
        RETURN;
    END IF;
    -- Asked only now: the DELETE has waited for whoever held a part of a batch.
    WITH ended AS (
        DELETE FROM mesh.lease_ends e WHERE e.token = ANY (ARRAY(SELECT (w).token FROM unnest(whole) AS w)) RETURNING e AS row
    )
    SELECT array_agg(ended.row) INTO before FROM ended;
    FOR number IN 1 .. CASE WHEN before IS NULL THEN 0 ELSE cardinality(whole) END LOOP
        whole[number].jobs := ARRAY(SELECT j FROM unnest((whole[number]).jobs) AS j WHERE j.id NOT IN (
            SELECT b.job_id FROM unnest(before) AS b WHERE b.token = (whole[number]).token));
    END LOOP;
    -- As complete_jobs does for one lease, which takes a fifth longer by way of this statement.
    WITH ended AS MATERIALIZED (
        SELECT j.id, j.job_type, j.priority, j.payload, j.payload_version, j.user_id, j.attempts, j.rescues, j.errors,
               j.created_at, j.unique_key, j.parents, j.gate, l.token, l.claimed_at, o.id IS NULL AS strange, o.result,
               coalesce(o.duration_ms, extract(epoch FROM clock_timestamp() - l.claimed_at) * 1000)::integer AS duration_ms
        FROM unnest(whole) AS l CROSS JOIN unnest(l.jobs) AS j
        LEFT JOIN unnest(tokens, job_ids, results, durations_ms) AS o (token, id, result, duration_ms)
            ON o.id = j.id AND o.token = l.token
    ), remembered AS (
        INSERT INTO mesh.history (id, job_type, status, priority, payload, payload_version, user_id, attempts, rescues, errors,
                                  result, token, duration_ms, created_at, started_at, unique_key, parents)
        SELECT e.id, e.job_type, 'completed', e.priority, e.payload, e.payload_version, e.user_id, e.attempts + 1, e.rescues,
               e.errors, e.result, e.token, e.duration_ms, e.created_at, e.claimed_at, e.unique_key, e.parents
        FROM ended e
    ), moves AS (
        INSERT INTO mesh.job_moves (job_type, source, target, count, total_ms)
        SELECT e.job_type, 'running', 'completed', count(*), sum(e.duration_ms) FROM ended e GROUP BY 1
    )
    SELECT count(*) AS accepted, count(*) FILTER (WHERE e.strange) AS strangers,
           (SELECT sum(cardinality(l.jobs)) FROM unnest(whole) AS l) AS jobs,
           bool_or(e.unique_key IS NOT NULL OR e.gate IS NOT NULL) AS eventful
    INTO ends FROM ended e;
    IF ends.strangers > 0 OR ends.accepted > ends.jobs THEN
        PERFORM mesh.check_batch((whole[1]).token, 1);
    -- Where a feature was never used its table has no page, and nobody pays for a look into its index.
    ELSIF ends.eventful OR ends.accepted > 0
        AND pg_relation_size('mesh.job_edges') + pg_relation_size('mesh.cancellations') + pg_relation_size('mesh.job_progress') > 0
        AND (current_setting('transaction_isolation') <> 'read committed' OR mesh.are_noted(job_ids)) THEN
        batch := ARRAY(SELECT j FROM unnest(whole) AS l CROSS JOIN unnest(l.jobs) AS j);
        PERFORM mesh.end_jobs(batch, '{}', mesh.slots(batch));
    END IF;
    RETURN QUERY SELECT l.token, cardinality(l.jobs)::bigint FROM unnest(whole) AS l;
END $$;

CREATE OR REPLACE FUNCTION mesh.redrive_jobs(ids uuid[]) RETURNS TABLE (id uuid, outcome text)
LANGUAGE plpgsql SET search_path = ''
-- Dead letters become jobs again, with new attempts and the errors of the old ones. redriven; key_taken: another job has its
-- unique or debounce key, and the letter stays; unknown.
AS $$
DECLARE
    letter mesh.dead_jobs;
    job mesh.jobs;
    known uuid[] := '{}';
BEGIN
    -- In the order in which enqueuers take keys.
    FOR letter IN SELECT d.* FROM mesh.dead_jobs d WHERE d.id = ANY (ids)
                  ORDER BY d.job_type, d.unique_key, d.debounce_key, d.id FOR UPDATE LOOP
        known := known || letter.id;
        id := letter.id;
        outcome := 'key_taken';
        IF letter.unique_key IS NULL
           OR mesh.take_key(letter.job_type, letter.unique_key, letter.id, NULL) = letter.id THEN
            job := jsonb_populate_record(NULL::mesh.jobs, to_jsonb(letter) || jsonb_build_object(
                'attempts', 0, 'rescues', 0, 'run_at', now(), 'seq', nextval('mesh.job_seq')));
            job := mesh.first_state(job);
            INSERT INTO mesh.jobs SELECT (job).* ON CONFLICT DO NOTHING;
            IF FOUND THEN
                outcome := 'redriven';
                DELETE FROM mesh.dead_jobs d WHERE d.id = letter.id;
                INSERT INTO mesh.job_moves (job_type, source, target, count)
                VALUES (letter.job_type, 'dead', job.status, 1);
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
    PERFORM mesh.wake_workers();
    RETURN QUERY SELECT DISTINCT i.id, 'unknown' FROM unnest(ids) AS i (id) WHERE i.id <> ALL (known);
END $$;

SELECT mesh.keep_private();
