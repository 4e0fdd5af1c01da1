-- A dump, a vacuum or a new index takes as long as it takes: that is work, and no slow query.
SELECT coalesce(datname, '')::text, extract(epoch FROM min(query_start))::float8
FROM pg_catalog.pg_stat_activity
WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_catalog.pg_backend_pid()
  AND application_name NOT IN ('pg_dump', 'pg_restore', 'pg_basebackup', 'vacuumdb', 'reindexdb')
  AND pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_vacuum)
  AND pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_analyze)
  AND pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_cluster)
  AND pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_create_index)
  AND pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_copy) -- since 14
GROUP BY 1
