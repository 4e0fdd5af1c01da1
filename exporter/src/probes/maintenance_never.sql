-- Counts tables that were never vacuumed or analyzed since the statistics began, although enough rows have changed. A
-- table that nobody has changed needs no maintenance.
, large AS (
    SELECT *, vacuumed IS NULL AND (untouched OR n_dead_tup > 0.2 * greatest(n_live_tup + n_dead_tup, reltuples, 1)) AS unvacuumed,
           analyzed IS NULL AND (untouched OR n_mod_since_analyze > 0.1 * greatest(n_live_tup, reltuples)) AS unanalyzed
    FROM tables
    WHERE bytes >= $1::float8
)
SELECT pg_catalog.current_database()::text,
       count(*) FILTER (WHERE unvacuumed)::float8,
       count(*) FILTER (WHERE unanalyzed)::float8
FROM large
