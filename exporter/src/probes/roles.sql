-- The administrators come first, because only a part of very many roles is exposed.
SELECT role, members
FROM (SELECT CASE WHEN r.{roles.name}::text IN ({roles:admin}) THEN 'admin' ELSE r.{roles.name}::text END AS role,
             count(DISTINCT m.{user_roles.user_id})::float8 AS members
      FROM {roles} AS r
      LEFT JOIN {user_roles} AS m ON m.{user_roles.role_id} = r.{roles.id}
      GROUP BY 1) AS by_role
ORDER BY role = 'admin' DESC, members DESC
LIMIT 50
