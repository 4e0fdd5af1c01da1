WITH RECURSIVE wanted_events (word, noun, words) AS (
    VALUES ('authentication_failed', 'failed logins', ARRAY[{audit_events:authentication_failed}]::text[])
)
