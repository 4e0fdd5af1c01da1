SELECT pg_catalog.current_database()::text,
       s.schemaname::text,
       s.relname::text,
       (a.approx_free_space + a.dead_tuple_len)::float8,
       a.table_len::float8
FROM (SELECT s.* FROM pg_catalog.pg_stat_user_tables s
      JOIN pg_catalog.pg_class c ON c.oid = s.relid
      WHERE c.relkind IN ('r', 'm')
        AND c.relpages * pg_catalog.current_setting('block_size')::float8 >= $1::float8
      ORDER BY c.relpages DESC
      LIMIT 10) AS s
CROSS JOIN LATERAL pgstattuple_approx(s.relid) AS a
