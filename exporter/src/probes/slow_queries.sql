-- Utilities are no queries that anybody waits for. Their text is seen by members of pg_read_all_stats.
SELECT coalesce(d.datname, '')::text,
       s.queryid::text,
       sum(s.calls)::float8,
       (sum(s.total_exec_time) / 1000)::float8
FROM pg_stat_statements s
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
WHERE s.queryid IS NOT NULL
  AND s.query !~* '^[[:space:]]*(COPY|VACUUM|ANALYZE|REINDEX|CLUSTER|REFRESH|LOCK|FETCH|CREATE[[:space:]]+(UNIQUE[[:space:]]+)?INDEX|ALTER[[:space:]]+TABLE)'
GROUP BY 1, 2
ORDER BY sum(s.total_exec_time) DESC
LIMIT 50
