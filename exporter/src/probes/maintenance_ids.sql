-- Transaction IDs are shared by all databases of a server, also by templates and by those that nobody may connect to. Each
-- database is reported by exactly one target. IDs of groups of lockers (multixact) run out in the same way. A database
-- whose DROP was interrupted (connection limit -2) holds no ID back.
SELECT datname::text, greatest(pg_catalog.age(datfrozenxid), pg_catalog.mxid_age(datminmxid))::float8
FROM pg_catalog.pg_database
WHERE datconnlimit <> -2 AND (datname = pg_catalog.current_database() OR {others})
ORDER BY 2 DESC
LIMIT 50
