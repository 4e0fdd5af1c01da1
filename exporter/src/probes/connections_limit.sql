SELECT pg_catalog.current_setting('max_connections')::bigint
       - pg_catalog.current_setting('superuser_reserved_connections')::bigint AS connections_limit
