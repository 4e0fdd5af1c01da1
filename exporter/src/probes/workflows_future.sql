-- A workflow that ended in the future is in no window now, and will later be in all of them.
SELECT count(*)::float8,
       pg_catalog.format('%s ended workflows have an end time in the future', count(*))
FROM (SELECT FROM {workflows}
      WHERE {workflows.status}::text IN ({workflows:completed}, {workflows:failed}) AND {workflows.updated_at} > {ahead}
      LIMIT 1000) AS ahead
HAVING count(*) > 0
