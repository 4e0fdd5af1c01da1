SELECT '1h'::text, count(*)::float8
FROM {audit_events}
WHERE {audit_events.event_type} IN ({audit_events:authentication_failed})
  AND {audit_events.timestamp} > now() - interval '1 hour'
  AND {audit_events.timestamp} <= {ahead}
