-- What slows the queue down from outside, and what it cannot repair by itself. Each statement finds nothing when all is well.

-- name: horizon_holders
-- Who keeps dead rows from being removed: transactions that have been open for longer than `after`, and standbys whose
-- feedback is old; the oldest first.
SELECT pid, coalesce(nullif(application_name, ''), backend_type) AS application, usename AS username, state,
       extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds,
       coalesce(greatest(age(backend_xmin), age(backend_xid)), 0) AS transactions,
       extract(epoch FROM clock_timestamp() - query_start)::float8 AS query_seconds
FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
  AND (datname = current_database() AND xact_start < clock_timestamp() - %(after)s::interval
       AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL OR state LIKE 'idle in transaction%%')
       OR backend_type = 'walsender' AND age(backend_xmin) > %(most_transactions)s)
ORDER BY xact_start;

-- name: prepared_transactions
-- Two-phase transactions that were prepared and never ended.
SELECT gid, extract(epoch FROM clock_timestamp() - prepared)::float8 AS seconds, owner
FROM pg_prepared_xacts WHERE database = current_database() AND prepared < clock_timestamp() - %(after)s::interval
ORDER BY prepared;

-- name: replication_slots
-- Replication slots whose horizon is old.
SELECT slot_name, active, greatest(age(xmin), age(catalog_xmin)) AS transactions
FROM pg_replication_slots WHERE greatest(age(xmin), age(catalog_xmin)) > %(most_transactions)s
ORDER BY transactions DESC;

-- name: bloated_tables
-- Tables of the queue that hold more dead rows than live ones, and many.
SELECT relname AS name, n_dead_tup AS dead, n_live_tup AS live, pg_table_size(relid) AS bytes, last_autovacuum
FROM pg_stat_user_tables
WHERE schemaname = 'mesh' AND relname = ANY (%(hot)s::text[]) AND n_dead_tup > greatest(%(most_dead)s, n_live_tup)
ORDER BY n_dead_tup DESC;

-- name: unfolded_moves
-- Moves that no tick has folded into the counts.
SELECT count(*) AS moves, extract(epoch FROM clock_timestamp() - min(m.at))::float8 AS seconds FROM mesh.job_moves m;

-- name: default_history
-- Ended jobs that went into no day's partition, as there was none.
SELECT count(*) AS jobs FROM (SELECT FROM mesh.history_default LIMIT 100000) AS found;

-- name: wrong_counts
-- Counts that are not those of the rows. It reads every job, those in history too.
SELECT count(*) AS wrong, min(format('%%s %%s: %%s counted, %%s found', job_type, state, counted, found)) AS first
FROM mesh.miscounts() HAVING count(*) > 0;

-- name: recount
-- Makes the counts right again.
SELECT FROM mesh.recount();

-- name: missing_partitions
-- The next two days that history has no partition for.
SELECT to_char(day, 'YYYY-MM-DD') AS day FROM (
    SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date + after AS day FROM generate_series(0, 1) AS after) AS days
WHERE to_regclass('mesh.history_' || to_char(day, 'YYYYMMDD')) IS NULL ORDER BY day;

-- name: old_leases
-- Leases that were claimed long ago, or that nobody holds any more and nobody has rescued.
SELECT l.token, coalesce(nullif(w.name, ''), l.owner) AS owner, l.jobs,
       extract(epoch FROM clock_timestamp() - l.claimed_at)::float8 AS seconds,
       coalesce(l.expires_at, w.expires_at, '-infinity') < clock_timestamp() - interval '1 minute' AS abandoned
FROM mesh.running_leases l LEFT JOIN mesh.workers w ON w.id = l.worker_id
WHERE l.claimed_at < clock_timestamp() - %(after)s::interval
   OR coalesce(l.expires_at, w.expires_at, l.claimed_at) < clock_timestamp() - interval '1 minute'
ORDER BY l.claimed_at;

-- name: table_settings
-- Whether autovacuum is switched off, for the server or for a table of the queue.
SELECT 'the server' AS name WHERE current_setting('autovacuum') = 'off'
UNION ALL
SELECT c.oid::regclass::text FROM pg_class c
WHERE c.relnamespace = 'mesh'::regnamespace AND c.relname = ANY (%(hot)s::text[])
  AND 'autovacuum_enabled=false' = ANY (c.reloptions);
