-- The exporter's own connection counts too, because it uses one of the server's connections.
SELECT coalesce(datname, '')::text, coalesce(state, 'unknown')::text, count(*)::float8
FROM pg_catalog.pg_stat_activity
WHERE backend_type = 'client backend'
GROUP BY 1, 2
