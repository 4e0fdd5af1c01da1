SELECT datname::text, pg_catalog.pg_database_size(oid)::float8
FROM pg_catalog.pg_database
WHERE datallowconn AND NOT datistemplate
ORDER BY 2 DESC
LIMIT 100
