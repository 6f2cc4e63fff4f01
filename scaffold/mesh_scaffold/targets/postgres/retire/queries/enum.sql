-- The enum that a name stands for on the search path: its labels in order, and a name for it while it goes.
SELECT
    t.oid,
    t.typarray,
    t.oid::regtype::text AS name,
    quote_ident(n.nspname) AS schema,
    t.typname AS bare,
    ARRAY(SELECT enumlabel::text FROM pg_catalog.pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder) AS labels,
    ARRAY(SELECT typname::text FROM pg_catalog.pg_type WHERE typnamespace = t.typnamespace) AS taken,
    quote_literal(obj_description(t.oid, 'pg_type')) AS comment
FROM pg_catalog.pg_type AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
WHERE t.oid = %(type)s AND t.typtype = 'e';
