-- Types of the week that differ from a word of checklist.yaml in case or marks only. They are not counted.
SELECT 1::float8,
       pg_catalog.format('the event type is spelled %s in the table, but not in checklist.yaml: set tables.audit_events.words.%s',
                         pg_catalog.string_agg(DISTINCT pg_catalog.left(recent.word, 60), ', '), wanted_events.word)
FROM wanted_events, recent
CROSS JOIN LATERAL (SELECT pg_catalog.regexp_replace(pg_catalog.lower(recent.word), '[[:punct:][:space:]]', '', 'g')) AS folded (word)
WHERE recent.word <> ALL (wanted_events.words) AND folded.word <> ''
  AND folded.word IN (SELECT pg_catalog.regexp_replace(pg_catalog.lower(known.word), '[[:punct:][:space:]]', '', 'g')
                      FROM pg_catalog.unnest(wanted_events.words) AS known (word))
GROUP BY wanted_events.word
