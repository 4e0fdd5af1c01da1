-- Counts accounts by state. A time more than five minutes in the future is a mistake and says nothing about use.
SELECT s.state, s.accounts::float8
FROM (SELECT count(*) FILTER (WHERE ahead) AS future,
             count(*) FILTER (WHERE NOT ahead AND (used >= since OR used IS NULL AND created >= since)) AS active,
             count(*) FILTER (WHERE NOT ahead AND used < since) AS stale,
             count(*) FILTER (WHERE NOT ahead AND used IS NULL AND (created < since OR created IS NULL)) AS never
      FROM (SELECT {users.last_login_at}::timestamptz AS used, {users.created_at}::timestamptz AS created,
                   now() - make_interval(secs => $1::float8) AS since,
                   coalesce(greatest({users.last_login_at}, {users.created_at})::timestamp > {ahead}, false) AS ahead
            FROM {users}
            -- An account that is disabled in the future, or never ('infinity'), is not disabled yet.
            WHERE {users.disabled_at} IS NULL OR {users.disabled_at}::timestamptz > now()) AS one) AS c
CROSS JOIN LATERAL (VALUES ('active', c.active), ('stale', c.stale), ('never_logged_in', c.never), ('future', c.future)) AS s (state, accounts)
