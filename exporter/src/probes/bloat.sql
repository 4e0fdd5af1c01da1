-- Bloat without pgstattuple. It is estimated from the widths of the columns, if the role may see their statistics.
-- Otherwise only dead rows count, which is a lower bound. A standby does not count dead rows.
, largest AS (
    SELECT * FROM tables WHERE bytes >= $1::float8 ORDER BY bytes DESC LIMIT 40
),
widths AS (
    SELECT l.oid, count(*) = count(w.attname) AS known, sum((1 - w.null_frac) * w.avg_width) AS bytes,
           CASE WHEN bool_or(w.null_frac > 0) THEN (count(*) + 7) / 8 ELSE 0 END AS nulls
    FROM largest l
    JOIN pg_catalog.pg_attribute a ON a.attrelid = l.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_stats w ON w.schemaname = l.schema AND w.tablename = l.name AND w.attname = a.attname AND NOT w.inherited
    GROUP BY l.oid
)
SELECT pg_catalog.current_database()::text,
       schema,
       name,
       CASE WHEN w.known AND greatest(n_live_tup, reltuples) > 0
            -- Each row has a line pointer, a header aligned to eight bytes, and its values. The factor 1.003 stands for
            -- page headers.
            THEN greatest(l.bytes - greatest(n_live_tup, reltuples) * (4 + 8 * ceil((23 + w.nulls) / 8.0) + 8 * ceil(w.bytes / 8.0))
                          * 1.003 * 100 / coalesce(fill.factor, 100), 0)
            WHEN NOT pg_catalog.pg_is_in_recovery() AND n_live_tup + n_dead_tup > 0
            THEN l.bytes * n_dead_tup / (n_live_tup + n_dead_tup)
       END::float8,
       l.bytes,
       count(*) OVER ()::float8
FROM largest l
JOIN widths w ON w.oid = l.oid
LEFT JOIN LATERAL (SELECT o.option_value::float8 AS factor
                   FROM pg_catalog.pg_options_to_table(l.reloptions) o
                   WHERE o.option_name = 'fillfactor') AS fill ON true
