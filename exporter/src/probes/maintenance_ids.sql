-- Transaction IDs are shared by all databases of a server. Each database is reported by exactly one target.
SELECT datname::text, pg_catalog.age(datfrozenxid)::float8
FROM pg_catalog.pg_database
WHERE datallowconn AND (datname = pg_catalog.current_database() OR {others})
ORDER BY 2 DESC
LIMIT 50
