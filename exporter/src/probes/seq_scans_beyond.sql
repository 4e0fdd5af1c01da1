-- A metric has at most a hundred series. Large tables beyond the hundred largest are not watched.
SELECT count(*)::float8, pg_catalog.format('%s large tables beyond the hundred largest: raise seq_scans.min_table_size', count(*))
FROM (SELECT bytes FROM tables ORDER BY bytes DESC, seq_tup_read DESC OFFSET 100) AS beyond
WHERE bytes >= $1::float8
HAVING count(*) > 0
