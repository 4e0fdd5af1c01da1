SELECT count(*) FILTER (WHERE timestamp > now() - interval '1 hour'),
       count(*) FILTER (WHERE timestamp > now() - interval '24 hours'),
       count(*)
FROM audit_events
WHERE event_type = 'authentication_failed' AND timestamp > now() - interval '7 days'
