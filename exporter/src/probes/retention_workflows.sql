-- '-infinity' and times before 1970 count as 1970. Times in the future say nothing about the age of a row.
SELECT 'workflows'::text,
       (SELECT count(*) FROM (SELECT FROM {workflows}
                              WHERE {workflows.status}::text IN ({workflows:completed}, {workflows:failed}, {workflows:cancelled})
                                AND {workflows.updated_at} < now() - make_interval(secs => $1::float8)
                              LIMIT 100000) AS overdue)::float8,
       (SELECT extract(epoch FROM greatest(min({workflows.updated_at})::timestamptz, 'epoch')) FROM {workflows}
        WHERE {workflows.status}::text IN ({workflows:completed}, {workflows:failed}, {workflows:cancelled})
          AND {workflows.updated_at} <= {ahead} HAVING min({workflows.updated_at}) IS NOT NULL)::float8
