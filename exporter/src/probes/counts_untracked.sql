-- Then scans, dead rows and vacuums stay as they were, and autovacuum does nothing.
SELECT 1::float8, 'the server counts nothing that happens in tables: track_counts is off'
WHERE pg_catalog.current_setting('track_counts') = 'off'
