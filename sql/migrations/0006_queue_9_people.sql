-- What people look at: every job, wherever it is.

CREATE VIEW mesh.known_jobs WITH (security_invoker = true) AS
SELECT j.id, j.job_type, j.status AS state, j.priority, j.attempts, j.max_attempts, j.rescues, j.user_id,
       j.payload, j.payload_version, j.errors, NULL::jsonb AS result, NULL::text AS reason,
       j.unique_key, j.debounce_key, j.gate, j.blocked_by, j.parents, j.after_any, j.timeout_ms,
       NULL::text AS owner, NULL::bigint AS token, j.created_at, j.run_at, NULL::timestamptz AS started_at,
       NULL::timestamptz AS ended_at
FROM mesh.jobs j
UNION ALL
SELECT j.id, j.job_type, 'running', j.priority, j.attempts, j.max_attempts, j.rescues, j.user_id,
       j.payload, j.payload_version, j.errors, NULL::jsonb, NULL::text,
       j.unique_key, j.debounce_key, j.gate, NULL::text, j.parents, j.after_any, j.timeout_ms,
       coalesce((SELECT w.name FROM mesh.workers w WHERE w.id = l.worker_id), l.owner), l.token, j.created_at, j.run_at, l.claimed_at, NULL::timestamptz
FROM mesh.leases l CROSS JOIN LATERAL unnest(l.jobs) AS j
WHERE NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = j.id)
UNION ALL
SELECT d.id, d.job_type, 'dead', d.priority, d.attempts, d.max_attempts, d.rescues, d.user_id,
       d.payload, d.payload_version, d.errors, NULL::jsonb, d.reason,
       d.unique_key, d.debounce_key, d.gate, NULL::text, d.parents, d.after_any, d.timeout_ms,
       NULL::text, NULL::bigint, d.created_at, NULL::timestamptz, d.started_at, d.died_at
FROM mesh.dead_jobs d
UNION ALL
SELECT h.id, h.job_type, h.status, h.priority, h.attempts, NULL::smallint, h.rescues, h.user_id,
       h.payload, h.payload_version, h.errors, h.result, NULL::text,
       h.unique_key, NULL::text, NULL::text, NULL::text, h.parents, NULL::boolean, NULL::integer,
       NULL::text, h.token, h.created_at, NULL::timestamptz, h.started_at, h.completed_at
FROM mesh.history h;
COMMENT ON VIEW mesh.known_jobs IS 'Every job, waiting, running, dead or ended; payloads as they are, secrets included.';

SELECT mesh.keep_private();
