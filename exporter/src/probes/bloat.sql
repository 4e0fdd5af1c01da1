SELECT pg_catalog.current_database()::text,
       s.schemaname::text,
       s.relname::text,
       (c.relpages * pg_catalog.current_setting('block_size')::float8
           * s.n_dead_tup / greatest(s.n_live_tup + s.n_dead_tup, 1))::float8,
       c.relpages * pg_catalog.current_setting('block_size')::float8
FROM pg_catalog.pg_stat_user_tables s
JOIN pg_catalog.pg_class c ON c.oid = s.relid
WHERE c.relpages * pg_catalog.current_setting('block_size')::float8 >= $1::float8
ORDER BY c.relpages DESC
LIMIT 10
