SELECT coalesce(datname, '') AS database,
       coalesce(state, 'unknown') AS state,
       count(*) AS connections,
       extract(epoch FROM min(xact_start))::float8 AS oldest_transaction
FROM pg_catalog.pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()
GROUP BY 1, 2
