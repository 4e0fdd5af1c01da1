-- Roles with a connection limit. The exporter's own limit follows from its configuration; superusers have none. A limit
-- below five is the size of one program's pool, which is full by design.
SELECT r.rolname::text, count(a.pid)::float8, r.rolconnlimit::float8
FROM pg_catalog.pg_roles r
LEFT JOIN pg_catalog.pg_stat_activity a ON a.usesysid = r.oid AND a.backend_type = 'client backend'
WHERE r.rolconnlimit >= 5 AND r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> CURRENT_USER
GROUP BY r.rolname, r.rolconnlimit
ORDER BY count(a.pid)::float8 / r.rolconnlimit DESC
LIMIT 50
