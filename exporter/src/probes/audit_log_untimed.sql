-- Without a time no event is the newest. Single ones without a time are fine here, because others are newer.
SELECT 1::float8, 'the events of the audit table have no time, or -infinity, so the age of the newest is unknown'
FROM (SELECT max({audit_events.timestamp}) AS at FROM {audit_events}) AS newest
WHERE newest.at = '-infinity'
   OR newest.at IS NULL AND EXISTS (SELECT FROM {audit_events} WHERE {audit_events.timestamp} IS NULL)
