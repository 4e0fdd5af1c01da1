-- An idle transaction counts from when it became idle: a long one that works between short pauses is not forgotten.
SELECT coalesce(state, 'unknown')::text,
       extract(epoch FROM min(CASE WHEN state LIKE 'idle in%' THEN state_change ELSE xact_start END))::float8
FROM pg_catalog.pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid() AND xact_start IS NOT NULL
  AND application_name !~ '^(pg_repack|pg_squeeze)' -- their second session holds a lock while the first one works
GROUP BY 1
UNION ALL
-- A prepared transaction has no session, and holds its locks until somebody ends it.
SELECT 'prepared', extract(epoch FROM min(prepared))::float8
FROM pg_catalog.pg_prepared_xacts
HAVING count(*) > 0
