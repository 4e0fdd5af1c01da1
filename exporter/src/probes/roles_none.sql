-- An application in which nobody has a role is another database, or keeps its roles elsewhere.
SELECT 1::float8,
       pg_catalog.format('%s: set tables.roles and tables.user_roles in checklist.yaml if they are in other tables, or skip: [roles] if there are none',
                         CASE WHEN EXISTS (SELECT FROM {roles}) THEN 'no user has a role' ELSE 'the table of the roles is empty' END)
WHERE NOT EXISTS (SELECT FROM {roles}) OR NOT EXISTS (SELECT FROM {user_roles})
