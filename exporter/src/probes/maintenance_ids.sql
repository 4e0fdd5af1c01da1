SELECT datname::text, pg_catalog.age(datfrozenxid)::float8
FROM pg_catalog.pg_database
WHERE datallowconn
ORDER BY 2 DESC
LIMIT 50
