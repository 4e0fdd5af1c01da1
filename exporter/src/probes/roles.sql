SELECT CASE WHEN r.{roles.name}::text IN ({roles:admin}) THEN 'admin' ELSE r.{roles.name}::text END, count(m.{user_roles.user_id})::float8
FROM {roles} AS r
LEFT JOIN {user_roles} AS m ON m.{user_roles.role_id} = r.{roles.id}
GROUP BY 1
ORDER BY 2 DESC
LIMIT 50
