-- After a crash, a failover or an upgrade the server has no row counts until the next VACUUM or ANALYZE, and a share of
-- dead rows cannot be computed.
SELECT count(*)::float8,
       pg_catalog.format('the server has no statistics of %s since they were reset: run VACUUM (ANALYZE)',
                         string_agg(schema || '.' || name, ', ' ORDER BY bytes DESC))
FROM (SELECT *
      FROM tables
      WHERE bytes >= $1::float8 AND NOT untouched AND coalesce(vacuumed, analyzed) IS NULL AND n_live_tup + n_dead_tup = 0
      ORDER BY bytes DESC
      LIMIT 5) AS reset
HAVING count(*) > 0
