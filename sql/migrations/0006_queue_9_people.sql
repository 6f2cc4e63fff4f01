-- What people look at: every job, wherever it is, and all that is known of one.

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

CREATE FUNCTION mesh.job_state(id uuid) RETURNS TABLE (
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
