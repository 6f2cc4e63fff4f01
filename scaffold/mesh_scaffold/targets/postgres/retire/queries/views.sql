-- Views and materialized views: how each is made, and what hangs on it alone.
SELECT
    c.oid,
    c.oid::regclass::text AS name,
    CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS kind,
    array_to_string(c.reloptions, ', ') AS options,
    quote_ident(s.spcname) AS tablespace,
    rtrim(pg_get_viewdef(c.oid), ';') AS query,
    c.relispopulated AS populated,
    quote_literal(obj_description(c.oid, 'pg_class')) AS comment,
    ARRAY(
        SELECT format('COMMENT ON COLUMN %%s.%%I IS %%L', c.oid::regclass, a.attname, col_description(c.oid, a.attnum))
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND col_description(c.oid, a.attnum) IS NOT NULL
        ORDER BY a.attnum
    ) || ARRAY(
        SELECT format(
            'ALTER VIEW %%s ALTER COLUMN %%I SET DEFAULT %%s',
            c.oid::regclass, a.attname, pg_get_expr(f.adbin, f.adrelid)
        )
        FROM pg_catalog.pg_attrdef AS f
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
        WHERE f.adrelid = c.oid
        ORDER BY a.attnum
    ) AS extras,
    ARRAY(
        SELECT d.refobjid
        FROM pg_catalog.pg_rewrite AS w
        JOIN pg_catalog.pg_depend AS d
            ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
            AND d.refclassid = 'pg_catalog.pg_class'::regclass
        WHERE w.ev_class = c.oid AND d.refobjid <> c.oid
    ) AS uses
FROM pg_catalog.pg_class AS c
LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = c.reltablespace
WHERE c.oid = ANY (%(oids)s::oid[])
ORDER BY name;
