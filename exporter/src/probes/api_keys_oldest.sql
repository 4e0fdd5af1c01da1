SELECT extract(epoch FROM min({api_keys.created_at})::timestamptz)::float8
FROM {api_keys}
WHERE {api_keys.revoked_at} IS NULL AND {api_keys.created_at} > '-infinity'::timestamp
