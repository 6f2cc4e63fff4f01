-- name: create_ledger
-- Makes the ledger of migrations; it must exist before the first of them. Nobody but its owner may read it.
DO $$
BEGIN
    CREATE SCHEMA IF NOT EXISTS mesh;
    CREATE TABLE IF NOT EXISTS mesh.migrations (
        source       text        NOT NULL,
        name         text        NOT NULL,
        checksum     text        NOT NULL,
        applied_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        milliseconds bigint      NOT NULL,
        PRIMARY KEY (source, name)
    );
    REVOKE ALL ON mesh.migrations FROM PUBLIC;
END
$$;

-- name: ledger_exists
-- One row when the ledger of migrations exists.
SELECT 1 WHERE to_regclass('mesh.migrations') IS NOT NULL;

-- name: read_ledger
-- Every applied migration in the order in which it was applied.
SELECT source, name, checksum FROM mesh.migrations ORDER BY applied_at, source, name;

-- name: unlimited_time
-- Lifts time limits that a host sets on its users; migrations may take long. Holds for the transaction only.
SELECT set_config(name, '0', true)
FROM pg_settings
WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout');

-- name: lock_migrations
-- Whether no other process migrates this database now; then the lock holds for the transaction. It never waits: a waiting
-- statement keeps its snapshot, and building an index concurrently waits for snapshots. The number is "mesh" in ASCII.
SELECT pg_try_advisory_xact_lock(1835365224);

-- name: look_up
-- Whether a migration is applied, and whether newer ones of its source are.
SELECT count(*) FILTER (WHERE name = %(name)s) > 0,
       count(*) FILTER (WHERE name COLLATE "C" > %(name)s COLLATE "C") > 0
FROM mesh.migrations
WHERE source = %(source)s;

-- name: record
-- Writes an applied migration into the ledger.
INSERT INTO mesh.migrations (source, name, checksum, milliseconds)
VALUES (%(source)s, %(name)s, %(checksum)s, %(milliseconds)s);

-- name: missing_extensions
-- The extensions that the server neither has nor could install.
SELECT wanted.name
FROM unnest(%(names)s::text[]) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_available_extensions AS available WHERE available.name = wanted.name)
  AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = wanted.name);

-- name: database_facts
-- The database's name, its size in bytes, and the versions of its extensions.
SELECT current_database(),
       pg_database_size(current_database()),
       (SELECT json_object_agg(extname, extversion ORDER BY extname) FROM pg_extension);
