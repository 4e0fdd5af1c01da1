SELECT pg_catalog.current_database()::text,
       s.schemaname::text,
       s.relname::text,
       extract(epoch FROM greatest(s.last_vacuum, s.last_autovacuum))::float8,
       CASE WHEN s.n_mod_since_analyze > 0
            THEN extract(epoch FROM greatest(s.last_analyze, s.last_autoanalyze)) END::float8,
       s.n_dead_tup::float8,
       (s.n_live_tup + s.n_dead_tup)::float8
FROM pg_catalog.pg_stat_user_tables s
JOIN pg_catalog.pg_class c ON c.oid = s.relid
WHERE c.relpages * pg_catalog.current_setting('block_size')::float8 >= $1::float8
ORDER BY c.relpages DESC
LIMIT 100
