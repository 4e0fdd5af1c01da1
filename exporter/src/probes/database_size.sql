SELECT datname::text, pg_catalog.pg_database_size(oid)::float8
FROM pg_catalog.pg_database
WHERE datallowconn AND (datname = pg_catalog.current_database() OR NOT datistemplate AND {others})
ORDER BY datname = pg_catalog.current_database() DESC, 2 DESC
LIMIT 100
