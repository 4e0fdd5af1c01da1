-- Names of administrators in checklist.yaml that no role has would count zero users. A role whose name differs from them
-- in case or marks only would not count.
SELECT 1::float8,
       pg_catalog.format('no role has the name of the administrators in checklist.yaml; existing roles: %s; set tables.roles.words.admin',
                         pg_catalog.left(pg_catalog.string_agg(pg_catalog.left({roles.name}::text, 60), ', ' ORDER BY {roles.name}::text), 300))
FROM {roles}
HAVING count(*) > 0 AND count(*) FILTER (WHERE {roles.name}::text IN ({roles:admin})) = 0
UNION ALL
SELECT 1::float8,
       pg_catalog.format('%s is not among the names of the administrators in checklist.yaml: set tables.roles.words.admin',
                         pg_catalog.left(pg_catalog.string_agg(pg_catalog.left(r.{roles.name}::text, 60), ', ' ORDER BY r.{roles.name}::text), 300))
FROM {roles} AS r
WHERE r.{roles.name}::text NOT IN ({roles:admin})
  AND pg_catalog.regexp_replace(pg_catalog.lower(r.{roles.name}::text), '[[:punct:][:space:]]', '', 'g')
      IN (SELECT pg_catalog.regexp_replace(pg_catalog.lower(known.word), '[[:punct:][:space:]]', '', 'g')
          FROM pg_catalog.unnest(ARRAY[{roles:admin}]::text[]) AS known (word)
          WHERE known.word ~ '[^[:punct:][:space:]]')
  AND EXISTS (SELECT FROM {user_roles} AS m WHERE m.{user_roles.role_id} = r.{roles.id})
HAVING count(*) > 0
