-- Tables whose free space is unknown, because the widths of their columns or the number of their rows are. Dead rows are
-- a lower bound of the bloat, so a table passes only by its widths, but fails by its dead rows too.
, largest AS (
    SELECT * FROM tables WHERE bytes >= $1::float8 ORDER BY bytes DESC LIMIT 40
)
SELECT count(*)::float8,
       pg_catalog.format('the free space of %s is unknown: %s', string_agg(schema || '.' || name, ', ' ORDER BY bytes DESC),
                         CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pgstattuple')
                              THEN 'GRANT pg_stat_scan_tables, and USAGE of the schema of the extension pgstattuple, so that the role may call pgstattuple_approx'
                              ELSE 'run CREATE EXTENSION pgstattuple, and GRANT pg_stat_scan_tables' END)
FROM largest l
WHERE (greatest(n_live_tup, reltuples) <= 0
       OR EXISTS (SELECT FROM pg_catalog.pg_attribute a
                  WHERE a.attrelid = l.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND NOT EXISTS (SELECT FROM pg_catalog.pg_stats w
                                    WHERE w.schemaname = l.schema AND w.tablename = l.name AND w.attname = a.attname AND NOT w.inherited)))
  AND (pg_catalog.pg_is_in_recovery() OR n_dead_tup <= $2::float8 * (n_live_tup + n_dead_tup))
HAVING count(*) > 0
