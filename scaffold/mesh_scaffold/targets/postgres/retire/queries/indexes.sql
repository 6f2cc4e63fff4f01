-- Indexes that no constraint owns, a partitioned one before those of its partitions.
SELECT
    i.indexrelid AS oid,
    i.indrelid::regclass::text AS "table",
    i.indexrelid::regclass::text AS name,
    quote_ident(c.relname) AS bare,
    pg_get_indexdef(i.indexrelid) AS definition,
    pg_get_expr(i.indpred, i.indrelid) AS predicate,
    pg_describe_object('pg_catalog.pg_class'::regclass, i.indexrelid, 0) AS described,
    h.inhparent::regclass::text AS parent,
    quote_ident(s.spcname) AS tablespace,
    quote_literal(obj_description(i.indexrelid, 'pg_class')) AS comment,
    i.indisclustered AS clustered,
    i.indisreplident AS replica_identity
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
LEFT JOIN pg_catalog.pg_inherits AS h ON h.inhrelid = i.indexrelid
LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = c.reltablespace
WHERE (i.indexrelid = ANY (%(oids)s::oid[]) OR i.indrelid = ANY (%(relations)s::oid[]))
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
    )
ORDER BY h.inhparent IS NOT NULL, c.relkind = 'i', name;
