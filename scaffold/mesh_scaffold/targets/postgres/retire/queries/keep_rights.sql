CREATE TEMPORARY TABLE mesh_rights ON COMMIT DROP AS
SELECT
    made.kind, made.name, made.grants_on, NULL::text AS column_name, pg_get_userbyid(t.typowner) AS owner,
    coalesce(t.typacl, acldefault('T', t.typowner)) AS rights
FROM made JOIN pg_catalog.pg_type AS t ON made.kind = 'TYPE' AND t.oid = to_regtype(made.name)
UNION ALL
SELECT
    made.kind, made.name, made.grants_on, NULL, pg_get_userbyid(c.relowner),
    coalesce(c.relacl, acldefault('r', c.relowner))
FROM made JOIN pg_catalog.pg_class AS c
    ON made.kind IN ('VIEW', 'MATERIALIZED VIEW') AND c.oid = to_regclass(made.name)
UNION ALL
SELECT made.kind, made.name, made.grants_on, NULL, pg_get_userbyid(s.stxowner), NULL
FROM made
JOIN pg_catalog.pg_statistic_ext AS s ON made.kind = 'STATISTICS'
JOIN pg_catalog.pg_namespace AS n ON n.oid = s.stxnamespace AND made.name = format('%I.%I', n.nspname, s.stxname)
UNION ALL
SELECT made.kind, made.name, made.grants_on, a.attname, NULL, a.attacl
FROM made JOIN pg_catalog.pg_attribute AS a
    ON made.kind IN ('VIEW', 'MATERIALIZED VIEW', 'COLUMN') AND a.attrelid = to_regclass(made.name)
    AND (made.kind <> 'COLUMN' OR quote_ident(a.attname) = made.column_name)
WHERE a.attacl IS NOT NULL
