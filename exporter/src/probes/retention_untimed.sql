-- Rows without a time have no age.
SELECT untimed.rows::float8,
       pg_catalog.format('%s %s have no time, and so no age', CASE WHEN untimed.rows < 1000 THEN untimed.rows::text ELSE '1000 or more' END, untimed.noun)
FROM (SELECT (SELECT count(*) FROM (SELECT FROM {audit_events} WHERE {audit_events.timestamp} IS NULL LIMIT 1000) AS events), 'audit events'
      UNION ALL
      SELECT (SELECT count(*) FROM (SELECT FROM {workflows}
                                    WHERE {workflows.status}::text IN ({workflows:completed}, {workflows:failed}, {workflows:cancelled})
                                      AND {workflows.updated_at} IS NULL
                                    LIMIT 1000) AS ended), 'ended workflows') AS untimed (rows, noun)
WHERE untimed.rows > 0
