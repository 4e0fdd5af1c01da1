-- The tables of a database with their sizes. The size in the catalog is that of the last vacuum or analyze, and 0
-- before the first one. Where it may be outdated, the size of the file is read, except for tables with an exclusive
-- lock, for which pg_relation_size would wait.
WITH locked AS (
    SELECT DISTINCT l.relation
    FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
),
known AS (
    SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relam, c.reloptions, c.reltuples, c.relpages,
           c.relpages * pg_catalog.current_setting('block_size')::float8 AS bytes,
           s.n_live_tup, s.n_dead_tup, s.n_mod_since_analyze, s.seq_scan, s.idx_scan, s.seq_tup_read, s.idx_tup_fetch,
           greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed,
           greatest(s.last_analyze, s.last_autoanalyze) AS analyzed,
           c.relpages = 0
               OR coalesce(s.last_vacuum, s.last_autovacuum, s.last_analyze, s.last_autoanalyze) IS NULL
               OR s.n_mod_since_analyze > c.reltuples / 2 AS doubtful
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_stat_user_tables s ON s.relid = c.oid
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND {kept_tables}
),
-- The limit bounds the cost in databases with very many tables. The largest tables by the catalog come first.
asked AS MATERIALIZED (
    SELECT oid
    FROM known
    WHERE doubtful AND oid NOT IN (SELECT relation FROM locked)
    ORDER BY relpages DESC, n_live_tup + n_dead_tup DESC
    LIMIT 5000
),
sized AS MATERIALIZED (
    SELECT oid, pg_catalog.pg_relation_size(oid::regclass)::float8 AS bytes FROM asked
),
tables AS (
    SELECT known.oid, schema, name, relam, reloptions, reltuples, n_live_tup, n_dead_tup, n_mod_since_analyze, seq_scan,
           idx_scan, seq_tup_read, idx_tup_fetch, vacuumed, analyzed,
           known.oid IN (SELECT relation FROM locked) AS behind_lock,
           known.relpages = 0 AS untouched,
           doubtful AND sized.oid IS NULL AS unsized,
           coalesce(sized.bytes, known.bytes) AS bytes
    FROM known
    LEFT JOIN sized ON sized.oid = known.oid
)
