-- Those that are nearest to their limit come first, because only a part of very many is exposed. A limit below five is
-- the size of one program's pool, which is full by design.
SELECT d.datname::text, d.datconnlimit::float8
FROM pg_catalog.pg_database d
LEFT JOIN pg_catalog.pg_stat_activity a ON a.datid = d.oid AND a.backend_type = 'client backend'
WHERE d.datconnlimit >= 5
GROUP BY d.datname, d.datconnlimit
ORDER BY count(a.pid)::float8 / d.datconnlimit DESC, d.datname
LIMIT 50
