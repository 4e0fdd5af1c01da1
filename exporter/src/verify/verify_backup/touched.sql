SELECT pg_catalog.quote_ident(d.datname)
FROM pg_catalog.pg_database AS d
CROSS JOIN (SELECT * FROM pg_catalog.pg_roles WHERE rolname = current_user) AS me
WHERE d.datallowconn
  AND NOT d.datistemplate
  AND d.datname !~ '^checklist_restore_[0-9a-f_]+$'
  AND (
    me.rolsuper
    -- Up to version 15, a role with CREATEROLE can make itself a member of any role.
    OR (me.rolcreaterole AND current_setting('server_version_num')::int < 160000)
    OR pg_catalog.pg_has_role(d.datdba, 'MEMBER')
    OR pg_catalog.has_database_privilege(d.oid, 'CREATE')
  )
  AND (
    d.datname <> current_database()
    OR EXISTS (
      SELECT FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'm')
        AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND n.nspname !~ '^pg_(toast|temp)'
    )
  )
ORDER BY 1
