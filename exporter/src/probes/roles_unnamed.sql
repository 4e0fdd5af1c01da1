-- Names of administrators in checklist.yaml that no role has would count zero users.
SELECT 1::float8,
       pg_catalog.format('no role has the name of the administrators in checklist.yaml; existing roles: %s; set tables.roles.words.admin',
                         pg_catalog.left(pg_catalog.string_agg(pg_catalog.left({roles.name}::text, 60), ', ' ORDER BY {roles.name}::text), 300))
FROM {roles}
HAVING count(*) > 0 AND count(*) FILTER (WHERE {roles.name}::text IN ({roles:admin})) = 0
