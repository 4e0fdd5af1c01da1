-- Returns the reasons why a statement that was prepared in this transaction would run code of the owners of its tables,
-- one sentence each. Preparing locks every relation of the statement and runs nothing. Because of the locks nobody can
-- replace a table by a view before the end of the transaction.
WITH RECURSIVE read (oid) AS (
    SELECT l.relation
    FROM pg_catalog.pg_locks l
    WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= 16384
  UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN read ON read.oid = i.inhparent
),
-- A column of a domain type has the casts of its base type. Up to three nested domains are resolved.
columns AS (
    SELECT a.attrelid, a.attname, coalesce(nullif(d3.typbasetype, 0), nullif(d2.typbasetype, 0), nullif(d1.typbasetype, 0), a.atttypid) AS type
    FROM read
    JOIN pg_catalog.pg_attribute a ON a.attrelid = read.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_type d1 ON d1.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_type d2 ON d2.oid = nullif(d1.typbasetype, 0)
    LEFT JOIN pg_catalog.pg_type d3 ON d3.oid = nullif(d2.typbasetype, 0)
    WHERE pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT')
),
-- Code in C can only be created by superusers, who can run any code anyway.
code AS (
    SELECT p.oid
    FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    JOIN pg_catalog.pg_roles r ON r.oid = p.proowner
    WHERE p.oid >= 16384 AND l.lanname NOT IN ('c', 'internal') AND NOT r.rolsuper
),
-- The planner evaluates functions of constants in indexes, statistics and partition bounds, with the rights of the role
-- that runs the query. It ignores constraints, because constraint_exclusion is off.
parts (classid, objid, relation) AS (
    SELECT 'pg_catalog.pg_class'::regclass, read.oid, read.oid FROM read
  UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, i.indexrelid, read.oid
    FROM read JOIN pg_catalog.pg_index i ON i.indrelid = read.oid
  UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::regclass, s.oid, read.oid
    FROM read JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = read.oid
)
SELECT pg_catalog.format('%s is a %s', c.oid::regclass,
                         CASE c.relkind WHEN 'v' THEN 'view' WHEN 'f' THEN 'foreign table' ELSE 'relation of kind ' || c.relkind::text END)
FROM read
JOIN pg_catalog.pg_class c ON c.oid = read.oid
WHERE c.relkind NOT IN ('r', 'p', 'm', 'i', 'I', 't', 'S')
UNION ALL
SELECT pg_catalog.format('column %I of %s has a type with a cast of its own, %s', columns.attname, columns.attrelid::regclass, k.castfunc::regprocedure)
FROM columns
JOIN pg_catalog.pg_cast k ON k.castsource = columns.type
JOIN code ON code.oid = k.castfunc
UNION ALL
SELECT DISTINCT pg_catalog.format('an index, the statistics or the partitioning of %s calls %s', parts.relation::regclass, code.oid::regprocedure)
FROM parts
JOIN pg_catalog.pg_depend d ON d.classid = parts.classid AND d.objid = parts.objid
LEFT JOIN pg_catalog.pg_operator o ON d.refclassid = 'pg_catalog.pg_operator'::regclass AND o.oid = d.refobjid
JOIN code ON code.oid = CASE WHEN d.refclassid = 'pg_catalog.pg_proc'::regclass THEN d.refobjid ELSE o.oprcode END
WHERE pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
LIMIT 3
