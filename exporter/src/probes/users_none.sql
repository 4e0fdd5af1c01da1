-- An application without a single usable account is another database, or keeps its accounts elsewhere.
SELECT 1::float8,
       pg_catalog.format('%s: set tables.users in checklist.yaml if the accounts are in another table, or skip: [users] if there are none',
                         CASE WHEN EXISTS (SELECT FROM {users}) THEN 'every account is disabled' ELSE 'the table of the accounts is empty' END)
WHERE NOT EXISTS (SELECT FROM {users} WHERE {users.disabled_at} IS NULL OR {users.disabled_at}::timestamptz > now())
