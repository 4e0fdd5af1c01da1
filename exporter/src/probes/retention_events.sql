-- '-infinity' and times before 1970 count as 1970. Times in the future say nothing about the age of a row.
SELECT 'audit_events'::text,
       (SELECT count(*) FROM (SELECT FROM {audit_events}
                              WHERE {audit_events.timestamp} < now() - make_interval(secs => $1::float8)
                              LIMIT 100000) AS overdue)::float8,
       (SELECT extract(epoch FROM greatest(min({audit_events.timestamp})::timestamptz, 'epoch')) FROM {audit_events}
        WHERE {audit_events.timestamp} <= {ahead} HAVING min({audit_events.timestamp}) IS NOT NULL)::float8
