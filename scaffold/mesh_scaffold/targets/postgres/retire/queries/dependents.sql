-- What depends on each of some objects, and which kind of thing it is. `sub` is a column's number; -1 stands for any.
SELECT DISTINCT
    r.class AS of_class,
    r.object AS of_object,
    d.classid::oid AS class,
    d.objid AS object,
    d.objsubid AS sub,
    pg_describe_object(d.classid, d.objid, d.objsubid) AS described,
    CASE
        WHEN d.classid = 'pg_catalog.pg_type'::regclass AND d.deptype = 'i' THEN 'own'
        WHEN c.relkind IN ('r', 'p') AND d.objsubid > 0 THEN 'column'
        WHEN c.relkind IN ('v', 'm') THEN 'view'
        WHEN o.oid IS NOT NULL THEN 'constraint'
        WHEN c.relkind IN ('i', 'I') THEN 'index'
        WHEN f.oid IS NOT NULL THEN CASE WHEN a.attgenerated = '' THEN 'default' ELSE 'generated' END
        WHEN k.contype IN ('n', 't') THEN 'skip'
        WHEN k.contype = 'f' THEN 'foreign key'
        WHEN k.conrelid <> 0 THEN 'constraint'
        WHEN w.rulename = '_RETURN' THEN 'view'
        WHEN w.oid IS NOT NULL THEN 'rule'
        WHEN p.oid IS NOT NULL THEN 'policy'
        WHEN g.oid IS NOT NULL THEN 'trigger'
        WHEN s.oid IS NOT NULL THEN 'statistics'
        ELSE 'other'
    END AS kind,
    -- what to drop and recreate: a view for its rule, a column for its default, a constraint for its index
    CASE
        WHEN w.rulename = '_RETURN' THEN w.ev_class
        WHEN f.oid IS NOT NULL THEN f.adrelid
        WHEN o.oid IS NOT NULL THEN o.oid
        ELSE d.objid
    END AS target,
    CASE WHEN f.oid IS NOT NULL THEN f.adnum WHEN c.relkind IN ('r', 'p') THEN d.objsubid ELSE 0 END AS number,
    coalesce(f.adrelid, k.conrelid, w.ev_class, p.polrelid, g.tgrelid, s.stxrelid, i.indrelid, c.oid) AS relation
FROM unnest(%(classes)s::oid[], %(objects)s::oid[], %(subs)s::integer[]) AS r (class, object, sub)
JOIN pg_catalog.pg_depend AS d
    ON d.refclassid = r.class AND d.refobjid = r.object AND (r.sub < 0 OR d.refobjsubid = r.sub)
LEFT JOIN pg_catalog.pg_class AS c ON d.classid = 'pg_catalog.pg_class'::regclass AND c.oid = d.objid
LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
LEFT JOIN pg_catalog.pg_constraint AS o ON o.conindid = c.oid AND o.contype IN ('p', 'u', 'x')
LEFT JOIN pg_catalog.pg_attrdef AS f ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND f.oid = d.objid
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
LEFT JOIN pg_catalog.pg_constraint AS k ON d.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objid
LEFT JOIN pg_catalog.pg_rewrite AS w ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND w.oid = d.objid
LEFT JOIN pg_catalog.pg_policy AS p ON d.classid = 'pg_catalog.pg_policy'::regclass AND p.oid = d.objid
LEFT JOIN pg_catalog.pg_trigger AS g ON d.classid = 'pg_catalog.pg_trigger'::regclass AND g.oid = d.objid
LEFT JOIN pg_catalog.pg_statistic_ext AS s
    ON d.classid = 'pg_catalog.pg_statistic_ext'::regclass AND s.oid = d.objid
WHERE d.deptype <> 'P';
