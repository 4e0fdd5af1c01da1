WITH RECURSIVE wanted_events (word, noun, words) AS (
    VALUES ('permission_denied', 'refusals', ARRAY[{audit_events:permission_denied}]::text[])
)
