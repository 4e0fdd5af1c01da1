-- A key from before all time is as old as can be.
SELECT extract(epoch FROM greatest(min({api_keys.created_at})::timestamptz, 'epoch'))::float8
FROM {api_keys}
WHERE {api_keys.revoked_at} IS NULL AND {api_keys.created_at} <= {ahead}
HAVING min({api_keys.created_at}) IS NOT NULL
