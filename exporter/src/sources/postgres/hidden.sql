SELECT c.oid::regclass::text
FROM pg_catalog.pg_class c
WHERE c.relrowsecurity AND pg_catalog.row_security_active(c.oid) AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
ORDER BY c.oid
LIMIT 3
