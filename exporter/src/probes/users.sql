SELECT s.state, s.accounts::float8
FROM (SELECT count(*) FILTER (WHERE {users.last_login_at} >= now() - make_interval(secs => $1::float8)
                                 OR ({users.last_login_at} IS NULL
                                     AND {users.created_at} >= now() - make_interval(secs => $1::float8))) AS active,
             count(*) FILTER (WHERE {users.last_login_at} < now() - make_interval(secs => $1::float8)) AS stale,
             count(*) FILTER (WHERE {users.last_login_at} IS NULL
                                AND {users.created_at} < now() - make_interval(secs => $1::float8)) AS never
      FROM {users}
      WHERE {users.disabled_at} IS NULL) AS c
CROSS JOIN LATERAL (VALUES ('active', c.active), ('stale', c.stale), ('never_logged_in', c.never)) AS s (state, accounts)
