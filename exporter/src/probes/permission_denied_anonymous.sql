-- Refusals of visitors who are not logged in are not those of one user.
SELECT pg_catalog.format('%s refusals of the week have no user', count(*))
FROM {audit_events}
WHERE {audit_events.event_type} IN ({audit_events:permission_denied})
  AND {audit_events.timestamp} > now() - interval '7 days'
  AND {audit_events.timestamp} <= {ahead}
  AND {audit_events.user_id} IS NULL
HAVING count(*) > 0
