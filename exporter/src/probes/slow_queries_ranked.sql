-- The statements by their total time and by their mean, which shows a slow statement that is new. A mean counts from $1
-- calls on. showtext is false, because the texts of the statements can have a hundred megabytes.
WITH statements AS (
    SELECT coalesce(d.datname, '')::text AS database,
           s.queryid::text AS queryid,
           sum(s.calls)::float8 AS calls,
           (sum(s.{total_exec_time}) / 1000)::float8 AS seconds
    FROM {pg_stat_statements}.pg_stat_statements(false) s
    LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.userid
    WHERE s.queryid IS NOT NULL AND {kept_roles}
    GROUP BY 1, 2
),
ranked AS (
    SELECT statements.*,
           row_number() OVER (ORDER BY seconds DESC) <= 50
               OR calls >= $1::float8
                  AND row_number() OVER (ORDER BY calls < $1::float8, seconds / nullif(calls, 0) DESC NULLS LAST) <= 50 AS shown
    FROM statements
)
