SELECT datname::text, datconnlimit::float8
FROM pg_catalog.pg_database
WHERE datconnlimit > 0
ORDER BY datname
LIMIT 50
