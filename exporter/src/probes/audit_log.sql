-- A time more than five minutes ahead is a mistake and no event of now: the newest plausible one is judged. A time
-- without a zone within the hour that a clock runs twice may mean the first of the two.
SELECT (newest.at IS NOT NULL OR future.events > 0)::int::float8,
       extract(epoch FROM CASE WHEN newest.at > now() + interval '5 minutes' THEN newest.at - interval '1 hour' ELSE newest.at END)::float8,
       future.events::float8
FROM (SELECT max({audit_events.timestamp})::timestamptz AS at
      FROM {audit_events}
      WHERE {audit_events.timestamp} <= {ahead}) AS newest,
     (SELECT count(*) AS events
      FROM (SELECT FROM {audit_events}
            WHERE {audit_events.timestamp} > {ahead}
            LIMIT 1000) AS ahead) AS future
