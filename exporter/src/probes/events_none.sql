-- A log that had events, but none of any type in the longest window, has stopped: that there are no wanted ones says
-- nothing. The table of a new application is empty, which the check of the audit log tells.
SELECT 1::float8, 'the audit table has older events, but none of any type within seven days: the log has stopped'
WHERE CASE WHEN EXISTS (SELECT FROM recent) THEN false
           ELSE (SELECT max({audit_events.timestamp}) FROM {audit_events} WHERE {audit_events.timestamp} <= {ahead}) IS NOT NULL END
