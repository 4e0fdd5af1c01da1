-- Returns only the worst tables by each limit; the verdict does not need the better ones.
SELECT pg_catalog.current_database()::text,
       schema,
       name,
       extract(epoch FROM vacuumed)::float8,
       CASE WHEN n_mod_since_analyze > 0 THEN extract(epoch FROM analyzed) END::float8,
       CASE WHEN rows > 0 THEN n_dead_tup END::float8,
       CASE WHEN rows > 0 THEN rows END::float8,
       seen::float8
FROM (SELECT t.*, greatest(n_live_tup + n_dead_tup, reltuples::bigint) AS rows,
             count(*) OVER () AS seen,
             row_number() OVER (ORDER BY n_dead_tup::float8 / greatest(n_live_tup + n_dead_tup, reltuples::bigint, 1) DESC, bytes DESC) AS by_dead,
             row_number() OVER (ORDER BY CASE WHEN n_mod_since_analyze > 0 THEN analyzed END ASC NULLS LAST, bytes DESC) AS by_age
      FROM tables t
      WHERE bytes >= $1::float8) AS large
WHERE by_dead <= 50 OR by_age <= 50
