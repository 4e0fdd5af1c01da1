SELECT coalesce(datname, '')::text, coalesce(state, 'unknown')::text, count(*)::float8
FROM pg_catalog.pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()
GROUP BY 1, 2
