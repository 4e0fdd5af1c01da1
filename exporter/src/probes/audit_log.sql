SELECT (newest IS NOT NULL)::int::float8, extract(epoch FROM newest)::float8
FROM (SELECT max({audit_events.timestamp}) AS newest FROM {audit_events}) AS events
