SELECT w.name, w.failures::float8, c.week::float8
FROM (SELECT count(*) FILTER (WHERE {audit_events.timestamp} > now() - interval '24 hours') AS day,
             count(*) AS week
      FROM {audit_events}
      WHERE {audit_events.event_type} IN ({audit_events:authentication_failed})
        AND {audit_events.timestamp} > now() - interval '7 days'
        AND {audit_events.timestamp} <= {ahead}) AS c
CROSS JOIN LATERAL (VALUES ('24h', c.day), ('7d', c.week)) AS w (name, failures)
