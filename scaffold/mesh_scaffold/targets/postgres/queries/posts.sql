-- What the database has of the posts, in one row: the enum's values, the table's columns and its constraints; null for
-- an enum or a table that is not there.
SELECT
    (
        SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder)
        FROM pg_catalog.pg_enum AS e
        WHERE e.enumtypid = to_regtype(quote_ident(%(enum)s))
    ) AS enum_values,
    (
        SELECT jsonb_object_agg(a.attname, pg_catalog.format_type(a.atttypid, NULL))
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = to_regclass(quote_ident(%(table)s)) AND a.attnum > 0 AND NOT a.attisdropped
    ) AS columns,
    (
        SELECT jsonb_object_agg(c.conname, pg_catalog.pg_get_constraintdef(c.oid))
        FROM pg_catalog.pg_constraint AS c
        WHERE c.conrelid = to_regclass(quote_ident(%(table)s)) AND c.contype = 'c'
    ) AS checks,
    (
        SELECT jsonb_agg(jsonb_build_array(a.attname, t.relname, r.attname))
        FROM pg_catalog.pg_constraint AS c
        JOIN pg_catalog.pg_class AS t ON t.oid = c.confrelid
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        JOIN pg_catalog.pg_attribute AS r ON r.attrelid = c.confrelid AND r.attnum = c.confkey[1]
        WHERE c.conrelid = to_regclass(quote_ident(%(table)s)) AND c.contype = 'f' AND cardinality(c.conkey) = 1
    ) AS "references"
