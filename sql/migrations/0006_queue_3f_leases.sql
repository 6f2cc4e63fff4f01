-- The usual end of quick jobs: several leases at once, each as a whole, in one statement and with one commit.

CREATE FUNCTION mesh.complete_leases(tokens bigint[], job_ids uuid[], results jsonb[], durations_ms integer[])
RETURNS TABLE (token bigint, accepted bigint)
LANGUAGE plpgsql SET search_path = ''
-- One token for each job. Returns the leases that it has ended, and how many jobs of each; the others are gone, or had ended
-- in part, and are left to complete_jobs.
AS $$
DECLARE
    whole mesh.leases[];
    before mesh.lease_ends[];
    batch mesh.jobs[];
    ends record;
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
    batch := ARRAY(SELECT j FROM unnest(whole) AS l CROSS JOIN unnest(l.jobs) AS j
                   WHERE before IS NULL OR (l.token, j.id) NOT IN (SELECT b.token, b.job_id FROM unnest(before) AS b));
    WITH ended AS MATERIALIZED (
        SELECT j.id, j.job_type, j.priority, j.payload, j.payload_version, j.user_id, j.attempts, j.rescues, j.errors,
               j.created_at, j.unique_key, j.parents, j.gate, l.token, l.claimed_at, o.id IS NULL AS strange, o.result,
               coalesce(o.duration_ms, extract(epoch FROM clock_timestamp() - l.claimed_at) * 1000)::integer AS duration_ms
        FROM unnest(whole) AS l CROSS JOIN unnest(l.jobs) AS j
        LEFT JOIN unnest(tokens, job_ids, results, durations_ms) AS o (token, id, result, duration_ms)
            ON o.id = j.id AND o.token = l.token
        WHERE before IS NULL OR (l.token, j.id) NOT IN (SELECT b.token, b.job_id FROM unnest(before) AS b)
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
           bool_or(e.unique_key IS NOT NULL OR e.gate IS NOT NULL) AS eventful
    INTO ends FROM ended e;
    PERFORM mesh.check_batch((whole[1]).token, ends.strangers + greatest(ends.accepted - cardinality(batch), 0));
    -- Where a feature was never used its table has no page, and nobody pays for a look into its index.
    IF ends.eventful OR ends.accepted > 0
       AND pg_relation_size('mesh.job_edges') + pg_relation_size('mesh.cancellations') + pg_relation_size('mesh.job_progress') > 0
       AND (current_setting('transaction_isolation') <> 'read committed' OR mesh.are_noted(job_ids)) THEN
        PERFORM mesh.end_jobs(batch, '{}', mesh.slots(batch));
    END IF;
    RETURN QUERY
    SELECT l.token, l.size - (SELECT count(*) FROM unnest(before) AS b WHERE b.token = l.token) FROM unnest(whole) AS l;
END $$;

SELECT mesh.keep_private();
