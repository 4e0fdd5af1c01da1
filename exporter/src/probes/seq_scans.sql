-- relpages instead of pg_relation_size: the size functions wait for locks, this does not.
SELECT pg_catalog.current_database()::text,
       s.schemaname::text,
       s.relname::text,
       s.seq_scan::float8,
       coalesce(s.idx_scan, 0)::float8,
       s.seq_tup_read::float8,
       coalesce(s.idx_tup_fetch, 0)::float8,
       s.n_live_tup::float8,
       c.relpages * pg_catalog.current_setting('block_size')::float8
FROM pg_catalog.pg_stat_user_tables s
JOIN pg_catalog.pg_class c ON c.oid = s.relid
ORDER BY c.relpages DESC, s.seq_tup_read DESC
LIMIT 100
