-- Counts API keys by state. A time more than five minutes in the future is a mistake and says nothing about use.
SELECT s.state, s.keys::float8
FROM (SELECT count(*) FILTER (WHERE ahead) AS future,
             count(*) FILTER (WHERE NOT ahead AND (used >= since OR used IS NULL AND created >= since)) AS active,
             count(*) FILTER (WHERE NOT ahead AND used < since) AS stale,
             count(*) FILTER (WHERE NOT ahead AND used IS NULL AND (created < since OR created IS NULL)) AS never
      FROM (SELECT {api_keys.last_used_at}::timestamptz AS used, {api_keys.created_at}::timestamptz AS created,
                   now() - make_interval(secs => $1::float8) AS since,
                   coalesce(greatest({api_keys.last_used_at}, {api_keys.created_at})::timestamp > {ahead}, false) AS ahead
            FROM {api_keys}
            -- A key that is revoked in the future, or never ('infinity'), is not revoked yet.
            WHERE {api_keys.revoked_at} IS NULL OR {api_keys.revoked_at}::timestamptz > now()) AS one) AS c
CROSS JOIN LATERAL (VALUES ('active', c.active), ('stale', c.stale), ('never_used', c.never), ('future', c.future)) AS s (state, keys)
