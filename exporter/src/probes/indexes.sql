-- An index that is being built is not valid yet, which is normal. An interrupted rebuild leaves invalid indexes also of
-- the TOAST table, which belongs to its table.
WITH indexed AS (
    SELECT c.oid AS relation, n.nspname, c.relname
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm')
  UNION ALL
    SELECT c.reltoastrelid, n.nspname, c.relname
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.reltoastrelid <> 0
),
indexes AS (
    SELECT i.*, c.relpages * pg_catalog.current_setting('block_size')::float8 AS bytes, s.idx_scan,
           row_number() OVER (PARTITION BY i.indrelid, i.indkey::text, i.indclass::text, i.indcollation::text,
                                           i.indoption::text, i.indexprs::text, i.indpred::text, c.relam
                              ORDER BY i.indisprimary DESC, i.indisunique DESC, i.indexrelid) AS twin
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN indexed t ON t.relation = i.indrelid
    LEFT JOIN pg_catalog.pg_stat_user_indexes s ON s.indexrelid = i.indexrelid
    WHERE c.relpersistence <> 't' AND t.nspname NOT IN ('pg_catalog', 'information_schema') AND {kept_indexes}
)
SELECT pg_catalog.current_database()::text,
       count(*) FILTER (WHERE NOT indisvalid
                          AND indexrelid NOT IN (SELECT index_relid FROM pg_catalog.pg_stat_progress_create_index))::float8,
       coalesce(sum(bytes) FILTER (WHERE idx_scan = 0 AND NOT indisunique), 0)::float8,
       coalesce(sum(bytes) FILTER (WHERE twin > 1), 0)::float8
FROM indexes
