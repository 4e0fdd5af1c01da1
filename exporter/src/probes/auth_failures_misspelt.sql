-- Of the newest events none has the word of checklist.yaml, and some have one that differs in case or marks only.
SELECT 1::float8,
       pg_catalog.format('events are called %s here, which is not the word of checklist.yaml: set tables.audit_events.words.authentication_failed',
                         pg_catalog.string_agg(DISTINCT pg_catalog.left(newest.word, 60), ', '))
FROM (SELECT {audit_events.event_type}::text AS word
      FROM {audit_events}
      ORDER BY {audit_events.timestamp} DESC
      LIMIT 1000) AS newest
WHERE pg_catalog.regexp_replace(pg_catalog.lower(newest.word), '[^a-z0-9]', '', 'g')
      IN (SELECT pg_catalog.regexp_replace(pg_catalog.lower(known.word), '[^a-z0-9]', '', 'g')
          FROM pg_catalog.unnest(ARRAY[{audit_events:authentication_failed}]::text[]) AS known (word))
HAVING count(*) > 0 AND count(*) FILTER (WHERE newest.word IN ({audit_events:authentication_failed})) = 0
