-- Constraints that are a table's own, not a partition's copy; what others refer to comes first.
SELECT
    k.oid,
    k.contype::text AS type,
    k.conrelid::regclass::text AS "table",
    quote_ident(k.conname) AS name,
    pg_get_constraintdef(k.oid) AS definition,
    pg_describe_object('pg_catalog.pg_constraint'::regclass, k.oid, 0) AS described,
    quote_literal(obj_description(k.oid, 'pg_constraint')) AS comment,
    coalesce(i.indisclustered, false) AS clustered,
    coalesce(i.indisreplident, false) AS replica_identity
FROM pg_catalog.pg_constraint AS k
LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
WHERE k.oid = ANY (%(oids)s::oid[]) AND k.coninhcount = 0 AND k.conparentid = 0
ORDER BY k.contype = 'f', "table", name;
