-- Locked tables whose size is not known, so that they may be large or not.
SELECT count(*)::float8,
       pg_catalog.format('the size of %s could not be read: a session holds or waits for an exclusive lock on it',
                         string_agg(schema || '.' || name, ', '))
FROM (SELECT * FROM tables WHERE unsized AND behind_lock LIMIT 5) AS unsized
HAVING count(*) > 0
