-- Without a time they are in no window.
SELECT count(*)::float8,
       pg_catalog.format('%s failed logins do not say when',
                         CASE WHEN count(*) < 1000 THEN count(*)::text ELSE '1000 or more' END)
FROM (SELECT FROM {audit_events}
      WHERE {audit_events.event_type} IN ({audit_events:authentication_failed}) AND {audit_events.timestamp} IS NULL
      LIMIT 1000) AS untimed
HAVING count(*) > 0
