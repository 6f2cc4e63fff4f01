-- The tables among some relations; partitions are locked with their parent.
SELECT c.oid::regclass::text AS name
FROM pg_catalog.pg_class AS c
WHERE c.oid = ANY (%(oids)s::oid[]) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY name;
