-- A sum of hashes needs no sorting, and its 48 bits are exact in a float8. Only privileged roles count, because an
-- application gives ordinary ones to every new user.
SELECT coalesce(sum(('x' || substr(md5(m.{user_roles.user_id}::text || ':' || m.{user_roles.role_id}::text), 1, 8))::bit(32)::bigint)
                % 281474976710656, 0)::float8
FROM {user_roles} AS m
JOIN {roles} AS r ON r.{roles.id} = m.{user_roles.role_id}
WHERE r.{roles.name}::text ~* '(^|[^a-z])(admin|administrator|owner|root|operator|security|superadmin|super.?user)($|[^a-z])'
