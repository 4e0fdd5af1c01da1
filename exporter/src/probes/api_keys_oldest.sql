SELECT extract(epoch FROM min({api_keys.created_at}))::float8 FROM {api_keys} WHERE {api_keys.revoked_at} IS NULL
