-- A hundred series a metric are enough for a person; a large table beyond them is not watched.
SELECT count(*)::float8, pg_catalog.format('%s large tables beyond the hundred largest: raise seq_scans.min_table_size', count(*))
FROM (SELECT bytes FROM tables ORDER BY bytes DESC, seq_tup_read DESC OFFSET 100) AS beyond
WHERE bytes >= $1::float8
HAVING count(*) > 0
