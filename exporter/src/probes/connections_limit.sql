-- The connections that ordinary roles may use. Version 16 also reserves some for pg_use_reserved_connections.
SELECT pg_catalog.current_setting('max_connections')::float8
       - pg_catalog.current_setting('superuser_reserved_connections')::float8
       - coalesce(pg_catalog.current_setting('reserved_connections', true)::float8, 0)
