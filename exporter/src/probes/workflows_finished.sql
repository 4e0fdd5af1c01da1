SELECT w.name, w.finished::float8, w.failed::float8
FROM (SELECT count(*) FILTER (WHERE {workflows.updated_at} > now() - interval '1 hour') AS hour,
             count(*) FILTER (WHERE {workflows.updated_at} > now() - interval '6 hours') AS six,
             count(*) AS day,
             count(*) FILTER (WHERE {workflows.status}::text IN ({workflows:failed})
                                AND {workflows.updated_at} > now() - interval '1 hour') AS hour_failed,
             count(*) FILTER (WHERE {workflows.status}::text IN ({workflows:failed})
                                AND {workflows.updated_at} > now() - interval '6 hours') AS six_failed,
             count(*) FILTER (WHERE {workflows.status}::text IN ({workflows:failed})) AS day_failed
      FROM {workflows}
      WHERE {workflows.status}::text IN ({workflows:completed}, {workflows:failed})
        AND {workflows.updated_at} > now() - interval '24 hours'
        AND {workflows.updated_at} <= {ahead}) AS c
CROSS JOIN LATERAL (VALUES ('1h', c.hour, c.hour_failed), ('6h', c.six, c.six_failed), ('24h', c.day, c.day_failed))
     AS w (name, finished, failed)
