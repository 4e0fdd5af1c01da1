-- Only the hundred largest databases, and the one that is a target, have series. The others are smaller, so they do not
-- change the verdict about the limit of size.
SELECT pg_catalog.format('%s databases beyond the hundred largest have no series', count(*) - 100)
FROM pg_catalog.pg_database
WHERE datallowconn AND (datname = pg_catalog.current_database() OR NOT datistemplate AND {others})
HAVING count(*) > 100
