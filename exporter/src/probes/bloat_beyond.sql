SELECT count(*)::float8, pg_catalog.format('%s large tables beyond the 40 largest: raise bloat.min_table_size', count(*))
FROM (SELECT FROM tables WHERE bytes >= $1::float8 ORDER BY bytes DESC OFFSET 40) AS beyond
HAVING count(*) > 0
