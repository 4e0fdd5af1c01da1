-- Of the newest events none has the word of checklist.yaml, and some have one that differs in case or marks only.
SELECT 1::float8,
       pg_catalog.format('the event type is spelled %s in the table, but not in checklist.yaml: set tables.audit_events.words.%s',
                         pg_catalog.string_agg(DISTINCT pg_catalog.left(newest.word, 60), ', '), wanted_events.word)
FROM wanted_events,
     (SELECT {audit_events.event_type}::text AS word
      FROM {audit_events}
      -- Rows without a time and rows of the future would come first.
      WHERE {audit_events.timestamp} <= {ahead}
      ORDER BY {audit_events.timestamp} DESC
      LIMIT 1000) AS newest
WHERE pg_catalog.regexp_replace(pg_catalog.lower(newest.word), '[^a-z0-9]', '', 'g')
      IN (SELECT pg_catalog.regexp_replace(pg_catalog.lower(known.word), '[^a-z0-9]', '', 'g')
          FROM pg_catalog.unnest(wanted_events.words) AS known (word))
GROUP BY wanted_events.word, wanted_events.words
HAVING count(*) FILTER (WHERE newest.word = ANY (wanted_events.words)) = 0
