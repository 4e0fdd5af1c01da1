-- Uses relpages instead of pg_total_relation_size, because the size functions wait for locks.
SELECT pg_catalog.current_database()::text,
       n.nspname::text,
       c.relname::text,
       (c.relpages + coalesce(t.relpages, 0)
           + coalesce((SELECT sum(x.relpages) FROM pg_catalog.pg_index i
                       JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid), 0))
           * pg_catalog.current_setting('block_size')::float8 AS bytes
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY bytes DESC
LIMIT 10
