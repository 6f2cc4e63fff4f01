DO $mesh$
DECLARE
    kept record;
    held record;
    now_held aclitem[];
BEGIN
    FOR kept IN SELECT * FROM pg_temp.mesh_rights ORDER BY column_name NULLS FIRST LOOP
        IF kept.column_name IS NULL THEN
            EXECUTE format('ALTER %s %s OWNER TO %I', kept.kind, kept.name, kept.owner);
            now_held := CASE
                WHEN kept.kind = 'TYPE' THEN
                    (SELECT coalesce(typacl, acldefault('T', typowner)) FROM pg_type WHERE oid = to_regtype(kept.name))
                WHEN kept.kind <> 'STATISTICS' THEN
                    (SELECT coalesce(relacl, acldefault('r', relowner)) FROM pg_class WHERE oid = to_regclass(kept.name))
            END;
            -- what default privileges gave to new objects
            FOR held IN SELECT DISTINCT grantee FROM aclexplode(now_held) LOOP
                EXECUTE format(
                    'REVOKE ALL ON %s %s FROM %s', kept.grants_on, kept.name,
                    CASE held.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(held.grantee)) END
                );
            END LOOP;
        END IF;
        FOR held IN SELECT * FROM aclexplode(kept.rights) LOOP
            EXECUTE format(
                'GRANT %s%s ON %s %s TO %s%s', held.privilege_type,
                CASE WHEN kept.column_name IS NULL THEN '' ELSE format(' (%I)', kept.column_name) END,
                kept.grants_on, kept.name,
                CASE held.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(held.grantee)) END,
                CASE WHEN held.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
            );
        END LOOP;
    END LOOP;
END
$mesh$
