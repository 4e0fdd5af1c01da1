-- Tables for which neither dead rows nor widths of columns are known: on a standby, or after a reset of the statistics.
, largest AS (
    SELECT * FROM tables WHERE bytes >= $1::float8 ORDER BY bytes DESC LIMIT 40
)
SELECT count(*)::float8,
       pg_catalog.format('the bloat of %s is unknown: run CREATE EXTENSION pgstattuple, and GRANT pg_stat_scan_tables',
                         string_agg(schema || '.' || name, ', ' ORDER BY bytes DESC))
FROM largest l
WHERE (pg_catalog.pg_is_in_recovery() OR n_live_tup + n_dead_tup = 0)
  AND (greatest(n_live_tup, reltuples) <= 0
       OR EXISTS (SELECT FROM pg_catalog.pg_attribute a
                  WHERE a.attrelid = l.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND NOT EXISTS (SELECT FROM pg_catalog.pg_stats w
                                    WHERE w.schemaname = l.schema AND w.tablename = l.name AND w.attname = a.attname AND NOT w.inherited)))
HAVING count(*) > 0
