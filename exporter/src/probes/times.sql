-- A column that holds no time where one is meant: a date says nothing about an hour, and a flag is never NULL.
SELECT pg_catalog.format('%s.%s has the type %s, but must be timestamp or timestamptz%s: configure another column under tables',
                         c.oid::regclass, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
                         CASE WHEN meant.hour THEN '' ELSE ' or date' END)
FROM (VALUES {columns}) AS meant (relation, name, hour)
JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(meant.relation)
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = (pg_catalog.parse_ident(meant.name))[1]
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE coalesce(nullif(t.typbasetype, 0), t.oid) <> 'timestamp'::regtype
  AND coalesce(nullif(t.typbasetype, 0), t.oid) <> 'timestamptz'::regtype
  AND (meant.hour OR coalesce(nullif(t.typbasetype, 0), t.oid) <> 'date'::regtype)
LIMIT 1
