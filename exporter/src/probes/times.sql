-- A column that holds no time where one is meant: a date says nothing about an hour, and a flag is never NULL.
SELECT pg_catalog.format('%s.%s has the type %s, but must be timestamp or timestamptz%s: configure another column under tables',
                         c.oid::regclass, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
                         CASE WHEN meant.hour THEN '' ELSE ' or date' END)
FROM (VALUES {columns}) AS meant (relation, name, hour)
JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(meant.relation)
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = (pg_catalog.parse_ident(meant.name))[1]
-- Up to three nested domains are resolved.
JOIN pg_catalog.pg_type d1 ON d1.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type d2 ON d2.oid = nullif(d1.typbasetype, 0)
LEFT JOIN pg_catalog.pg_type d3 ON d3.oid = nullif(d2.typbasetype, 0)
CROSS JOIN LATERAL (SELECT coalesce(nullif(d3.typbasetype, 0), nullif(d2.typbasetype, 0), nullif(d1.typbasetype, 0), d1.oid)) AS base (type)
WHERE base.type <> 'timestamp'::regtype AND base.type <> 'timestamptz'::regtype
  AND (meant.hour OR base.type <> 'date'::regtype)
LIMIT 1
