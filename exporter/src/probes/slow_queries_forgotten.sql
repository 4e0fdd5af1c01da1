-- A full table deallocates the statements that are called least. A few deallocations are harmless; more than one an
-- hour is reported.
SELECT 1::float8,
       pg_catalog.format('pg_stat_statements is full and discarded statements %s times in %s hours; raise pg_stat_statements.max, which is %s',
                         i.dealloc, round(h.hours), pg_catalog.current_setting('pg_stat_statements.max'))
FROM {pg_stat_statements}.pg_stat_statements_info() i
CROSS JOIN LATERAL (SELECT extract(epoch FROM now() - i.stats_reset)::numeric / 3600 AS hours) AS h
WHERE i.dealloc > greatest(h.hours, 1)
