SELECT pg_catalog.current_database()::text,
       count(*) FILTER (WHERE s.last_vacuum IS NULL AND s.last_autovacuum IS NULL)::float8
FROM pg_catalog.pg_stat_user_tables s
JOIN pg_catalog.pg_class c ON c.oid = s.relid
WHERE c.relpages * pg_catalog.current_setting('block_size')::float8 >= $1::float8
