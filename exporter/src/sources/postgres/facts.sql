-- The facts that the statements of a run depend on. Functions of extensions are found by their membership in the
-- extension and by the language C, and not by name, because anybody can create a function with the same name.
WITH functions AS (
    SELECT p.proname, n.nspname::text AS schema, p.proargnames AS columns
    FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
                               AND d.classid = 'pg_catalog.pg_proc'::regclass AND d.deptype = 'e'
    JOIN pg_catalog.pg_proc p ON p.oid = d.objid
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname = 'c'
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE (e.extname, p.proname) IN (('pg_stat_statements', 'pg_stat_statements'),
                                     ('pg_stat_statements', 'pg_stat_statements_info'),
                                     ('pgstattuple', 'pgstattuple_approx'))
      AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
)
SELECT pg_catalog.current_setting('server_version_num')::int,
       pg_catalog.pg_is_in_recovery(),
       pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'),
       pg_catalog.pg_has_role('pg_read_all_stats', 'MEMBER'),
       CURRENT_USER::text,
       pg_catalog.inet_client_port(),
       EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'restrict_nonsystem_relation_kind'),
       pg_catalog.current_setting('transaction_read_only') = 'on'
           AND pg_catalog.current_setting('lock_timeout') = '1s'
           AND pg_catalog.current_setting('row_security') = 'off'
           AND pg_catalog.current_setting('search_path') = 'pg_catalog, pg_temp',
       -- A crash resets all statistics; only the reset time of pg_stat_bgwriter shows it.
       (SELECT extract(epoch FROM greatest(d.stats_reset, b.stats_reset))::float8
        FROM pg_catalog.pg_stat_database d, pg_catalog.pg_stat_bgwriter b
        WHERE d.datname = pg_catalog.current_database()),
       (SELECT schema FROM functions WHERE proname = 'pg_stat_statements'),
       EXISTS (SELECT FROM functions WHERE proname = 'pg_stat_statements' AND columns @> ARRAY['total_exec_time']),
       (SELECT schema FROM functions WHERE proname = 'pg_stat_statements_info'),
       -- The library counts only if the server loaded it at its start; then the setting has the context 'postmaster'.
       -- It counts nothing if tracking or query identifiers are turned off.
       EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.max' AND context = 'postmaster')
           AND pg_catalog.current_setting('pg_stat_statements.track', true) IS DISTINCT FROM 'none'
           AND pg_catalog.current_setting('compute_query_id', true) IS DISTINCT FROM 'off',
       (SELECT schema FROM functions WHERE proname = 'pgstattuple_approx')
