-- Leaves out dumps, migrations and maintenance: they may take long, nobody waits for them, and nobody should end them.
SELECT coalesce(datname, '')::text, extract(epoch FROM min(query_start))::float8
FROM pg_catalog.pg_stat_activity
WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_catalog.pg_backend_pid()
  AND {kept_sessions} AND {kept_applications}
  AND application_name !~ '^(pg_dump|pg_dumpall|pg_restore|pg_basebackup|reindexdb|vacuumdb|clusterdb|pg_repack|pg_squeeze|pgbackrest|wal-g)'
  AND query !~* '^[[:space:]]*(COPY|VACUUM|ANALYZE|REINDEX|CLUSTER|REFRESH|START_REPLICATION|BASE_BACKUP|LISTEN|CREATE[[:space:]]+(UNIQUE[[:space:]]+)?INDEX|ALTER[[:space:]]+TABLE)'
  AND pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_vacuum)
  AND pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_analyze)
  AND pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_cluster)
  AND pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_create_index)
  AND pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_copy) -- since 14
GROUP BY 1
