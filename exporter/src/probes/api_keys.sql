SELECT s.state, s.keys::float8
FROM (SELECT count(*) FILTER (WHERE {api_keys.last_used_at} >= now() - make_interval(secs => $1::float8)
                                 OR ({api_keys.last_used_at} IS NULL
                                     AND {api_keys.created_at} >= now() - make_interval(secs => $1::float8))) AS active,
             count(*) FILTER (WHERE {api_keys.last_used_at} < now() - make_interval(secs => $1::float8)) AS stale,
             count(*) FILTER (WHERE {api_keys.last_used_at} IS NULL
                                AND {api_keys.created_at} < now() - make_interval(secs => $1::float8)) AS never
      FROM {api_keys}
      WHERE {api_keys.revoked_at} IS NULL) AS c
CROSS JOIN LATERAL (VALUES ('active', c.active), ('stale', c.stale), ('never_used', c.never)) AS s (state, keys)
