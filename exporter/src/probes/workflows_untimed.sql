-- Workflows without an end time, or with the time -infinity, are in no window.
SELECT count(*)::float8,
       pg_catalog.format('%s ended workflows have no end time',
                         CASE WHEN count(*) < 1000 THEN count(*)::text ELSE '1000 or more' END)
FROM (SELECT FROM {workflows}
      WHERE {workflows.status}::text IN ({workflows:completed}, {workflows:failed}) AND ({workflows.updated_at} IS NULL OR {workflows.updated_at} = '-infinity')
      LIMIT 1000) AS untimed
HAVING count(*) > 0
