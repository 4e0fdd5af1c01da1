-- With track_counts off, the numbers of scans, dead rows and vacuums do not change, and autovacuum does not run.
SELECT 1::float8, 'the server counts nothing that happens in tables: track_counts is off'
WHERE pg_catalog.current_setting('track_counts') = 'off'
