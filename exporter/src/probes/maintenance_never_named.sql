-- Names the tables, so that somebody can examine them.
SELECT pg_catalog.format('never vacuumed or analyzed: %s (%s)',
                         string_agg(schema || '.' || name, ', ' ORDER BY bytes DESC), pg_catalog.pg_size_pretty(sum(bytes)::bigint))
FROM (SELECT *
      FROM tables
      WHERE bytes >= $1::float8
        AND (vacuumed IS NULL AND (untouched OR n_dead_tup > 0.2 * greatest(n_live_tup + n_dead_tup, reltuples, 1))
             OR analyzed IS NULL AND (untouched OR n_mod_since_analyze > 0.1 * greatest(n_live_tup, reltuples)))
      ORDER BY bytes DESC
      LIMIT 5) AS never
HAVING count(*) > 0
