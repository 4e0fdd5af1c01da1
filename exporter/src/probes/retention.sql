-- A row without a begin of time is overdue and has no age.
SELECT 'audit_events'::text,
       (SELECT count(*) FROM (SELECT FROM {audit_events}
                              WHERE {audit_events.timestamp} < now() - make_interval(secs => $1::float8)
                              LIMIT 100000) AS overdue)::float8,
       (SELECT extract(epoch FROM min({audit_events.timestamp})::timestamptz) FROM {audit_events}
        WHERE {audit_events.timestamp} > '-infinity'::timestamp)::float8
UNION ALL
SELECT 'workflows',
       (SELECT count(*) FROM (SELECT FROM {workflows}
                              WHERE {workflows.status}::text IN ({workflows:completed}, {workflows:failed}, {workflows:cancelled})
                                AND {workflows.updated_at} < now() - make_interval(secs => $2::float8)
                              LIMIT 100000) AS overdue)::float8,
       (SELECT extract(epoch FROM min({workflows.updated_at})::timestamptz) FROM {workflows}
        WHERE {workflows.status}::text IN ({workflows:completed}, {workflows:failed}, {workflows:cancelled}) AND {workflows.updated_at} > '-infinity'::timestamp)::float8
