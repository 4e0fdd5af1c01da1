CREATE TABLE users (
    id bigserial PRIMARY KEY, email text NOT NULL, created_at timestamptz NOT NULL,
    last_login_at timestamptz, disabled_at timestamptz);
CREATE TABLE roles (id bigserial PRIMARY KEY, name text NOT NULL);
CREATE TABLE user_roles (user_id bigint REFERENCES users, role_id bigint REFERENCES roles);
CREATE TABLE api_keys (
    id bigserial PRIMARY KEY, user_id bigint REFERENCES users, name text NOT NULL,
    created_at timestamptz NOT NULL, last_used_at timestamptz, revoked_at timestamptz);
CREATE TABLE workflows (
    id bigserial PRIMARY KEY, status text NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE audit_events (
    id bigserial PRIMARY KEY, timestamp timestamptz NOT NULL, event_type text NOT NULL,
    user_id bigint, detail jsonb);
CREATE INDEX audit_events_by_type ON audit_events (event_type, timestamp);
CREATE INDEX audit_events_by_time ON audit_events (timestamp);
CREATE INDEX workflows_by_time ON workflows (updated_at);
CREATE TABLE jobs (id bigserial PRIMARY KEY, queue text NOT NULL, waits_since timestamptz NOT NULL);

INSERT INTO users (email, created_at, last_login_at)
SELECT 'user' || n || '@example.com', now() - n * interval '2 days',
       now() - (n % 80) * interval '1 day'
FROM generate_series(1, 200) n;
INSERT INTO roles (name) VALUES ('admin'), ('operator'), ('viewer');
INSERT INTO user_roles SELECT n, CASE WHEN n <= 3 THEN 1 ELSE 2 + n % 2 END FROM generate_series(1, 200) n;
INSERT INTO api_keys (user_id, name, created_at, last_used_at)
SELECT 1 + n % 200, 'key ' || n, now() - n * interval '1 day', now() - (n % 80) * interval '1 day'
FROM generate_series(1, 300) n;
INSERT INTO workflows (status, created_at, updated_at)
SELECT CASE WHEN n % 100 = 0 THEN 'failed' WHEN n <= 8 THEN 'running' ELSE 'completed' END,
       now() - n * interval '15 minutes', now() - n * interval '14 minutes'
FROM generate_series(1, 2000) n;
INSERT INTO audit_events (timestamp, event_type, user_id, detail)
SELECT now() - n * interval '8 minutes',
       CASE WHEN n % 60 = 0 THEN 'authentication_failed' WHEN n % 97 = 0 THEN 'permission_denied' ELSE 'request' END,
       1 + n % 200, '{"address": "192.0.2.1"}'
FROM generate_series(1, 5000) n;
ANALYZE;

INSERT INTO jobs (queue, waits_since) SELECT 'mail', now() - n * interval '1 minute' FROM generate_series(1, 5) n;

GRANT SELECT (queue, waits_since) ON jobs TO checklist;
