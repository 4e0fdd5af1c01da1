-- pgstattuple_approx would wait for the lock.
SELECT count(*)::float8,
       pg_catalog.format('the bloat of %s could not be asked for: somebody holds or wants an exclusive lock on it',
                         string_agg(schema || '.' || name, ', '))
FROM (SELECT * FROM tables WHERE behind_lock AND (unsized OR bytes >= $1::float8) LIMIT 5) AS locked
HAVING count(*) > 0
