-- A session with track_activities off may be idle in a transaction, or run one query for hours, without anybody seeing
-- it.
SELECT count(*)::float8,
       pg_catalog.format('the activity of %s sessions is unknown: track_activities is off for %s', count(*),
                         string_agg(DISTINCT coalesce(usename, 'unknown')::text, ', '))
FROM pg_catalog.pg_stat_activity
WHERE backend_type = 'client backend' AND state = 'disabled' AND pid <> pg_catalog.pg_backend_pid()
HAVING count(*) > 0
