SELECT count(*) FILTER (WHERE denied > $1::float8)::float8, coalesce(max(denied), 0)::float8
FROM (SELECT count(*) AS denied
      FROM {audit_events}
      WHERE {audit_events.event_type} IN ({audit_events:permission_denied})
        AND {audit_events.timestamp} > now() - interval '7 days'
        AND {audit_events.timestamp} <= {ahead}
        AND {audit_events.user_id} IS NOT NULL
      GROUP BY {audit_events.user_id}) AS by_user
