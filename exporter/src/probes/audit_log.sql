-- Time of the newest audit event. Times more than five minutes in the future are mistakes and are only counted. In the
-- hour that the end of daylight saving time repeats, a time without a zone may mean the earlier of the two.
SELECT (newest.at IS NOT NULL OR future.events > 0
        OR EXISTS (SELECT FROM {audit_events} WHERE {audit_events.timestamp} IS NULL))::int::float8,
       extract(epoch FROM CASE WHEN newest.at > now() + interval '5 minutes' THEN newest.at - interval '1 hour' ELSE newest.at END)::float8,
       future.events::float8
FROM (SELECT max({audit_events.timestamp})::timestamptz AS at
      FROM {audit_events}
      WHERE {audit_events.timestamp} <= {ahead}) AS newest,
     (SELECT count(*) AS events
      FROM (SELECT FROM {audit_events}
            WHERE {audit_events.timestamp} > {ahead}
            LIMIT 1000) AS ahead) AS future
