-- Names the tables whose bloat was judged by dead rows only.
, largest AS (
    SELECT * FROM tables WHERE bytes >= $1::float8 ORDER BY bytes DESC LIMIT 40
)
SELECT pg_catalog.format('%s: bloat by dead rows only, without free space; for exact values run CREATE EXTENSION pgstattuple',
                         string_agg(schema || '.' || name, ', ' ORDER BY bytes DESC))
FROM largest l
WHERE n_live_tup + n_dead_tup > 0
  AND EXISTS (SELECT FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = l.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_stats w
                                WHERE w.schemaname = l.schema AND w.tablename = l.name AND w.attname = a.attname AND NOT w.inherited))
HAVING count(*) > 0
