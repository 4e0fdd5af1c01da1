-- Creation time of the oldest key. '-infinity' and times before 1970 count as 1970.
SELECT extract(epoch FROM greatest(min({api_keys.created_at})::timestamptz, 'epoch'))::float8
FROM {api_keys}
WHERE ({api_keys.revoked_at} IS NULL OR {api_keys.revoked_at}::timestamptz > now()) AND {api_keys.created_at} <= {ahead}
HAVING min({api_keys.created_at}) IS NOT NULL
