-- Columns of tables: of which type, where inherited from, with which default, and what it takes to add one anew.
SELECT
    a.attrelid AS relation,
    a.attnum AS number,
    a.attrelid::regclass::text AS "table",
    quote_ident(a.attname) AS name,
    a.atttypid AS type,
    a.attinhcount > 0 AS inherited,
    c.reltype AS row_type,
    coalesce(a.attnum = ANY (p.partattrs::smallint[]), false) AS partition_key,
    pg_get_expr(f.adbin, f.adrelid) AS expression,
    a.attgenerated::text AS generated,
    format_type(a.atttypid, a.atttypmod)
        || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation::text ELSE '' END
        || format(' GENERATED ALWAYS AS (%%s) ', pg_get_expr(f.adbin, f.adrelid))
        || CASE a.attgenerated WHEN 'v' THEN 'VIRTUAL' ELSE 'STORED' END
        || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END AS definition,
    quote_literal(col_description(a.attrelid, a.attnum)) AS comment
FROM unnest(%(relations)s::oid[], %(numbers)s::integer[]) AS r (relation, number)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.relation AND a.attnum = r.number
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = a.attrelid
LEFT JOIN pg_catalog.pg_attrdef AS f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
ORDER BY "table", number;
