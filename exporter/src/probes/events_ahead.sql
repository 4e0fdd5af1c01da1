-- Events of the future are in no window now, and will later be in all of them.
SELECT count(*)::float8,
       pg_catalog.format('%s %s have a time in the future',
                         CASE WHEN count(*) < 1000 THEN count(*)::text ELSE '1000 or more' END, ahead.noun)
FROM (SELECT wanted_events.noun
      FROM wanted_events, {audit_events}
      WHERE {audit_events.event_type}::text = ANY (wanted_events.words) AND {audit_events.timestamp} > {ahead}
      LIMIT 1000) AS ahead
GROUP BY ahead.noun
