-- A sum over rows needs no order and no memory; 48 bits are exact in a float.
SELECT coalesce(sum(('x' || substr(md5({user_roles.user_id}::text || ':' || {user_roles.role_id}::text), 1, 8))::bit(32)::bigint)
                % 281474976710656, 0)::float8
FROM {user_roles}
