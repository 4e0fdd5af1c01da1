-- Names the tables whose bloat was judged by dead rows only.
, largest AS (
    SELECT * FROM tables WHERE bytes >= $1::float8 ORDER BY bytes DESC LIMIT 40
)
SELECT pg_catalog.format('%s by dead rows only, free space within is not counted: CREATE EXTENSION pgstattuple counts it',
                         string_agg(schema || '.' || name, ', ' ORDER BY bytes DESC))
FROM largest l
WHERE n_live_tup + n_dead_tup > 0
  AND EXISTS (SELECT FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = l.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_stats w
                                WHERE w.schemaname = l.schema AND w.tablename = l.name AND w.attname = a.attname AND NOT w.inherited))
HAVING count(*) > 0
