SELECT pg_catalog.current_setting('max_connections')::float8
       - pg_catalog.current_setting('superuser_reserved_connections')::float8
