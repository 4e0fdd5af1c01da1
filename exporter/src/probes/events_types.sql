-- The types of the week's events. An index that begins with the type leads from each type to the next. Without one, or
-- with very many types, only the newest events are read. The index of an extension's type such as citext does not serve
-- the operators of pg_catalog.
, indexed AS (
    SELECT
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[0]
    JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod
    WHERE i.indrelid = pg_catalog.to_regclass({name of audit_events})
      AND a.attname = (pg_catalog.parse_ident({name of audit_events.event_type}))[1]
      AND i.indisvalid AND i.indpred IS NULL AND i.indcollation[0] = a.attcollation AND m.amname = 'btree' AND o.oid < 16384
),
types (type, number) AS (
    SELECT (SELECT e.{audit_events.event_type} FROM {audit_events} AS e ORDER BY 1 LIMIT 1), 1
    WHERE EXISTS (SELECT FROM indexed)
  UNION ALL
    SELECT (SELECT e.{audit_events.event_type}
            FROM {audit_events} AS e
            WHERE e.{audit_events.event_type} > types.type
            ORDER BY 1
            LIMIT 1), types.number + 1
    FROM types
    WHERE types.type IS NOT NULL AND types.number < 1000
),
recent (word) AS (
    -- Of max() the planner knows that it needs one row of the index.
    SELECT types.type::text
    FROM types
    WHERE (SELECT max(e.{audit_events.timestamp})
           FROM {audit_events} AS e
           WHERE e.{audit_events.event_type} = types.type AND e.{audit_events.timestamp} <= {ahead}) > now() - interval '7 days'
  UNION ALL
    SELECT DISTINCT newest.word
    FROM (SELECT e.{audit_events.event_type}::text AS word
          FROM {audit_events} AS e
          WHERE coalesce((SELECT max(number) FROM types), 1000) = 1000
            AND e.{audit_events.timestamp} > now() - interval '7 days' AND e.{audit_events.timestamp} <= {ahead}
          ORDER BY e.{audit_events.timestamp} DESC
          LIMIT 100000) AS newest
)
