-- Before its version 1.9 the extension does not count what it discards. It discards a twentieth of its statements, at
-- least ten, whenever it is full, so a nearly full one may have discarded some.
SELECT 1::float8,
       pg_catalog.format('pg_stat_statements holds %s of at most %s statements and does not count those that it discards; raise pg_stat_statements.max',
                         held.statements, most.statements)
FROM (SELECT count(*) AS statements FROM {pg_stat_statements}.pg_stat_statements(false)) AS held,
     (SELECT pg_catalog.current_setting('pg_stat_statements.max')::bigint AS statements) AS most
WHERE held.statements >= most.statements - greatest(most.statements / 20, 10)
