SELECT coalesce(datname, '')::text, extract(epoch FROM min(query_start))::float8
FROM pg_catalog.pg_stat_activity
WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_catalog.pg_backend_pid()
GROUP BY 1
