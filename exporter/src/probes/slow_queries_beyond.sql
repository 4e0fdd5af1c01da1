-- Slow statements without series are not watched.
SELECT count(*)::float8,
       pg_catalog.format('%s more statements have a mean above the limit, beyond the 50 slowest: raise slow_queries.mean', count(*))
FROM ranked
WHERE NOT shown AND calls >= $1::float8 AND seconds > $2::float8 * calls
HAVING count(*) > 0
