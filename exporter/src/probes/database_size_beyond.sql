-- The largest databases are exposed, and always the one that is a target.
SELECT pg_catalog.format('%s databases beyond the hundred largest have no series', count(*) - 100)
FROM pg_catalog.pg_database
WHERE datallowconn AND (datname = pg_catalog.current_database() OR NOT datistemplate AND {others})
HAVING count(*) > 100
