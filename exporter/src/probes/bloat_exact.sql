-- The cast to regclass selects the function of the extension, even if another one has the same name.
, largest AS MATERIALIZED (
    SELECT *
    FROM tables
    WHERE bytes >= $1::float8 AND NOT behind_lock
      AND relam = (SELECT m.oid FROM pg_catalog.pg_am m WHERE m.amname = 'heap')
    ORDER BY bytes DESC
    LIMIT 10
)
SELECT pg_catalog.current_database()::text,
       schema,
       name,
       (a.approx_free_space + a.dead_tuple_len)::float8,
       a.table_len::float8,
       count(*) OVER ()::float8
FROM largest
CROSS JOIN LATERAL {pgstattuple}.pgstattuple_approx(largest.oid::regclass) AS a
