-- The base of every migration: extensions, ids in the order of time, and rights withheld from the clients of PostgREST.

DO $$
DECLARE
    -- Hosts such as Supabase keep extensions in a schema of their own; one that is installed stays where it is.
    home text := CASE WHEN to_regnamespace('extensions') IS NULL THEN 'public' ELSE 'extensions' END;
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['vector', 'pg_trgm'] LOOP
        IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = wanted) THEN
            EXECUTE format('CREATE EXTENSION %I WITH SCHEMA %I', wanted, home);
        END IF;
    END LOOP;
END
$$;

-- The same as uuidv7() of PostgreSQL 18, for those before it: 48 bits of milliseconds, 12 bits of what is left of the
-- millisecond, and 62 random bits.
CREATE FUNCTION mesh.uuidv7_before_18() RETURNS uuid
    LANGUAGE sql VOLATILE PARALLEL SAFE
    SET search_path = ''
AS $$
    SELECT encode(
        overlay(
            uuid_send(gen_random_uuid())
            PLACING substring(int8send(micros / 1000) FROM 3) || substring(int4send((28672 + micros % 1000 * 4096 / 1000)::integer) FROM 3)
            FROM 1 FOR 8
        ),
        'hex'
    )::uuid
    FROM (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS micros) AS moment;
$$;

DO $$
DECLARE
    inner_name text := 'mesh.uuidv7_before_18';
BEGIN
    IF current_setting('server_version_num')::integer >= 180000 THEN
        inner_name := 'pg_catalog.uuidv7';
    END IF;
    -- BEGIN ATOMIC binds the inner function now: a caller need not have a right on the schema mesh to find it.
    EXECUTE format('CREATE FUNCTION mesh.uuidv7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE'
                   ' BEGIN ATOMIC SELECT %s(); END', inner_name);
END
$$;

COMMENT ON FUNCTION mesh.uuidv7() IS 'A new UUID that sorts by time, on every supported version of PostgreSQL.';

-- Supabase grants everything in a new schema's reach to its client roles by default; so each migration that makes objects
-- ends with SELECT mesh.keep_private(). Objects outside the schema mesh are revoked where they are made.
CREATE FUNCTION mesh.keep_private() RETURNS void
    LANGUAGE plpgsql
    SET search_path = ''
AS $$
DECLARE
    client text;
BEGIN
    FOR client IN
        SELECT 'PUBLIC'
        UNION ALL
        SELECT quote_ident(rolname) FROM pg_catalog.pg_roles WHERE rolname IN ('anon', 'authenticated')
    LOOP
        EXECUTE 'REVOKE ALL ON SCHEMA mesh FROM ' || client;
        EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA mesh FROM ' || client;
        EXECUTE 'REVOKE ALL ON ALL SEQUENCES IN SCHEMA mesh FROM ' || client;
        EXECUTE 'REVOKE ALL ON ALL ROUTINES IN SCHEMA mesh FROM ' || client;
    END LOOP;
    -- Columns of the host's tables may default to it, which runs as whoever inserts.
    GRANT EXECUTE ON FUNCTION mesh.uuidv7(), mesh.uuidv7_before_18() TO PUBLIC;
END
$$;

COMMENT ON FUNCTION mesh.keep_private() IS 'Takes all rights on the schema mesh from PUBLIC, anon and authenticated.';

SELECT mesh.keep_private();
