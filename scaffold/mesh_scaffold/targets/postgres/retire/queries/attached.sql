-- Rules, triggers, policies and statistics: those named, and rules and triggers of the relations named.
SELECT
    'RULE' AS kind, w.rulename::text AS order_by, quote_ident(w.rulename) AS name, w.ev_class AS relation,
    w.ev_class::regclass::text AS "table", rtrim(pg_get_ruledef(w.oid), ';') AS definition, w.ev_enabled::text AS enabled,
    quote_literal(obj_description(w.oid, 'pg_rewrite')) AS comment,
    pg_describe_object('pg_catalog.pg_rewrite'::regclass, w.oid, 0) AS described
FROM pg_catalog.pg_rewrite AS w
WHERE (w.oid = ANY (%(oids)s::oid[]) OR w.ev_class = ANY (%(relations)s::oid[])) AND w.rulename <> '_RETURN'
UNION ALL
SELECT
    'TRIGGER', g.tgname::text, quote_ident(g.tgname), g.tgrelid, g.tgrelid::regclass::text,
    pg_get_triggerdef(g.oid), g.tgenabled::text, quote_literal(obj_description(g.oid, 'pg_trigger')),
    pg_describe_object('pg_catalog.pg_trigger'::regclass, g.oid, 0)
FROM pg_catalog.pg_trigger AS g
WHERE (g.oid = ANY (%(oids)s::oid[]) OR g.tgrelid = ANY (%(relations)s::oid[]))
    AND NOT g.tgisinternal AND g.tgparentid = 0
UNION ALL
SELECT
    'POLICY', p.polname::text, quote_ident(p.polname), p.polrelid, p.polrelid::regclass::text,
    format(
        'CREATE POLICY %%I ON %%s AS %%s FOR %%s TO %%s',
        p.polname,
        p.polrelid::regclass,
        CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
        CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
            ELSE 'ALL' END,
        (SELECT string_agg(CASE u.role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(u.role)) END, ', ')
            FROM unnest(p.polroles) AS u (role))
    )
    || coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
    || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', ''),
    'O', quote_literal(obj_description(p.oid, 'pg_policy')),
    pg_describe_object('pg_catalog.pg_policy'::regclass, p.oid, 0)
FROM pg_catalog.pg_policy AS p
WHERE p.oid = ANY (%(oids)s::oid[])
UNION ALL
SELECT
    'STATISTICS', s.stxname::text, format('%%I.%%I', n.nspname, s.stxname), s.stxrelid, s.stxrelid::regclass::text,
    pg_get_statisticsobjdef(s.oid), 'O', quote_literal(obj_description(s.oid, 'pg_statistic_ext')),
    pg_describe_object('pg_catalog.pg_statistic_ext'::regclass, s.oid, 0)
FROM pg_catalog.pg_statistic_ext AS s
JOIN pg_catalog.pg_namespace AS n ON n.oid = s.stxnamespace
WHERE s.oid = ANY (%(oids)s::oid[])
ORDER BY kind, "table", order_by;
