-- showtext is false, because the texts of the statements can have a hundred megabytes.
SELECT coalesce(d.datname, '')::text,
       s.queryid::text,
       sum(s.calls)::float8,
       (sum(s.{total_exec_time}) / 1000)::float8
FROM {pg_stat_statements}.pg_stat_statements(false) s
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.userid
WHERE s.queryid IS NOT NULL AND {kept_roles}
GROUP BY 1, 2
ORDER BY sum(s.{total_exec_time}) DESC
LIMIT 50
