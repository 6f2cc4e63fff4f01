-- What is known of a job is said in one view, and what moved of late in another.

CREATE VIEW mesh.recent_moves AS
SELECT d.minute AS at, d.job_type, d.source, d.target, d.count, d.total_ms FROM mesh.job_minutes d
UNION ALL
SELECT m.at, m.job_type, coalesce(m.source, ''), m.target, m.count, coalesce(m.total_ms, 0) FROM mesh.job_moves m;
COMMENT ON VIEW mesh.recent_moves IS 'What moved in the last two days: the folded minutes, and the moves since; source "" is enqueued.';

CREATE OR REPLACE FUNCTION mesh.queue_minutes(since interval DEFAULT '1 hour')
RETURNS TABLE (minute timestamptz, job_type text, enqueued bigint, completed bigint, failed bigint, rescued bigint,
               dead bigint, mean_ms double precision)
LANGUAGE sql STABLE SET search_path = ''
-- What happened in each minute; those of more than two days ago are forgotten.
AS $$
    SELECT date_bin('1 minute', h.at, 'epoch'), h.job_type,
           coalesce(sum(h.count) FILTER (WHERE h.source = ''), 0)::bigint,
           coalesce(sum(h.count) FILTER (WHERE h.target = 'completed'), 0)::bigint,
           coalesce(sum(h.count) FILTER (WHERE h.target = 'failed'), 0)::bigint,
           coalesce(sum(h.count) FILTER (WHERE h.target = 'rescued'), 0)::bigint,
           coalesce(sum(h.count) FILTER (WHERE h.target = 'dead'), 0)::bigint,
           (sum(h.total_ms) FILTER (WHERE h.target = 'completed')
            / nullif(sum(h.count) FILTER (WHERE h.target = 'completed'), 0))::double precision
    FROM mesh.recent_moves h WHERE h.at > statement_timestamp() - since GROUP BY 1, 2 ORDER BY 1, 2
$$;

CREATE OR REPLACE FUNCTION mesh.queue_stats()
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
        FROM mesh.recent_moves h WHERE h.at > statement_timestamp() - interval '1 hour' GROUP BY h.job_type
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

DROP VIEW mesh.known_jobs;

CREATE VIEW mesh.known_jobs WITH (security_invoker = true) AS
SELECT j.id, j.job_type, j.status AS state, j.priority, j.attempts, j.max_attempts, j.rescues, j.user_id,
       j.payload, j.payload_version, j.errors, NULL::jsonb AS result, NULL::text AS reason,
       j.unique_key, j.debounce_key, j.gate, j.blocked_by, j.parents, j.after_any, j.timeout_ms, j.traceparent,
       NULL::text AS owner, NULL::bigint AS token, j.created_at, j.run_at, NULL::timestamptz AS started_at,
       NULL::timestamptz AS ended_at, NULL::integer AS duration_ms
FROM mesh.jobs j
UNION ALL
SELECT j.id, j.job_type, 'running', j.priority, j.attempts, j.max_attempts, j.rescues, j.user_id,
       j.payload, j.payload_version, j.errors, NULL::jsonb, NULL::text,
       j.unique_key, j.debounce_key, j.gate, NULL::text, j.parents, j.after_any, j.timeout_ms, j.traceparent,
       coalesce((SELECT w.name FROM mesh.workers w WHERE w.id = l.worker_id), l.owner), l.token, j.created_at, j.run_at,
       l.claimed_at, NULL::timestamptz, NULL::integer
FROM mesh.leases l CROSS JOIN LATERAL unnest(l.jobs) AS j
WHERE NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = j.id)
UNION ALL
SELECT d.id, d.job_type, 'dead', d.priority, d.attempts, d.max_attempts, d.rescues, d.user_id,
       d.payload, d.payload_version, d.errors, NULL::jsonb, d.reason,
       d.unique_key, d.debounce_key, d.gate, NULL::text, d.parents, d.after_any, d.timeout_ms, d.traceparent,
       NULL::text, NULL::bigint, d.created_at, NULL::timestamptz, d.started_at, d.died_at,
       (extract(epoch FROM d.died_at - d.started_at) * 1000)::integer
FROM mesh.dead_jobs d
UNION ALL
SELECT h.id, h.job_type, h.status, h.priority, h.attempts, NULL::smallint, h.rescues, h.user_id,
       h.payload, h.payload_version, h.errors, h.result, NULL::text,
       h.unique_key, NULL::text, NULL::text, NULL::text, h.parents, NULL::boolean, NULL::integer, NULL::text,
       NULL::text, h.token, h.created_at, NULL::timestamptz, h.started_at, h.completed_at, h.duration_ms
FROM mesh.history h;
COMMENT ON VIEW mesh.known_jobs IS 'Every job, waiting, running, dead or ended; payloads as they are, secrets included.';

CREATE OR REPLACE FUNCTION mesh.job_state(id uuid) RETURNS TABLE (
    id uuid, job_type text, state text, priority smallint, payload jsonb, payload_version integer, user_id text,
    attempts smallint, max_attempts smallint, rescues smallint, errors jsonb, result jsonb, reason text, blocked_by text,
    unique_key text, debounce_key text, gate text, parents uuid[], waits_for uuid[], after_any boolean, timeout_ms integer,
    traceparent text, created_at timestamptz, run_at timestamptz, started_at timestamptz, ended_at timestamptz,
    duration_ms integer, lease_token bigint, owner text, progress real, note text, cancel_requested boolean
)
LANGUAGE sql STABLE SET search_path = ''
-- Everything that is known of a job, wherever it is; no row when it is unknown.
AS $$
    SELECT k.id, k.job_type, k.state, k.priority, k.payload, k.payload_version, k.user_id, k.attempts, k.max_attempts, k.rescues,
           k.errors, k.result, k.reason, k.blocked_by, k.unique_key, k.debounce_key, k.gate, k.parents,
           ARRAY(SELECT e.parent_id FROM mesh.job_edges e WHERE e.child_id = k.id ORDER BY 1), k.after_any, k.timeout_ms,
           k.traceparent, k.created_at, k.run_at, k.started_at, k.ended_at, k.duration_ms, k.token, k.owner, p.fraction, p.note,
           EXISTS (SELECT FROM mesh.cancellations c WHERE c.job_id = k.id)
    FROM mesh.known_jobs k LEFT JOIN mesh.job_progress p ON p.job_id = k.id
    WHERE k.id = job_state.id ORDER BY k.ended_at DESC NULLS FIRST LIMIT 1
$$;

SELECT mesh.keep_private();
