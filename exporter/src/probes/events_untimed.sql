-- Events without a time, or with the time -infinity, are in no window.
SELECT count(*)::float8,
       pg_catalog.format('%s %s have no time',
                         CASE WHEN count(*) < 1000 THEN count(*)::text ELSE '1000 or more' END, untimed.noun)
FROM (SELECT wanted_events.noun
      FROM wanted_events, {audit_events}
      WHERE {audit_events.event_type}::text = ANY (wanted_events.words) AND ({audit_events.timestamp} IS NULL OR {audit_events.timestamp} = '-infinity')
      LIMIT 1000) AS untimed
GROUP BY untimed.noun
