SELECT pg_catalog.current_database()::text,
       schema,
       name,
       seq_scan::float8,
       coalesce(idx_scan, 0)::float8,
       seq_tup_read::float8,
       coalesce(idx_tup_fetch, 0)::float8,
       greatest(n_live_tup, reltuples::bigint, 0)::float8,
       bytes
FROM tables
ORDER BY bytes DESC, seq_tup_read DESC
LIMIT 100
