CREATE ROLE auditor;
CREATE SCHEMA ext;
CREATE EXTENSION pgcrypto WITH SCHEMA ext;
CREATE EXTENSION postgres_fdw;
CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere.example.com');
CREATE USER MAPPING FOR auditor SERVER remote OPTIONS (user 'a', password 'never-shown');
CREATE FOREIGN TABLE far (a integer) SERVER remote;
CREATE TABLE hidden (a integer) TABLESPACE elsewhere;
INSERT INTO hidden VALUES (1), (2);
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
ALTER TABLE hidden FORCE ROW LEVEL SECURITY;
CREATE POLICY only_auditor ON hidden TO auditor USING (a > 1);
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE EVENT TRIGGER watched ON ddl_command_end EXECUTE FUNCTION watch();
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE PUBLICATION few FOR TABLE hidden;
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE made (
    id integer GENERATED ALWAYS AS IDENTITY,
    once positive,
    twice integer GENERATED ALWAYS AS (once * 2) STORED
);
INSERT INTO made (once) VALUES (1), (2);
CREATE TABLE measures (at date, value integer) PARTITION BY RANGE (at);
CREATE TABLE measures_1 PARTITION OF measures FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE measures_2 PARTITION OF measures DEFAULT;
INSERT INTO measures VALUES ('2026-01-02', 1), ('2026-03-02', 2), ('2026-01-03', 3);
CREATE TABLE cities (name text);
CREATE TABLE capitals (state text) INHERITS (cities);
INSERT INTO cities VALUES ('a;b');
INSERT INTO capitals VALUES ('c', 'd');
CREATE COLLATION german (provider = icu, locale = 'de-u-co-phonebk');
CREATE TABLE sorted (name text COLLATE german);
INSERT INTO sorted VALUES ('Äpfel');
SELECT lo_from_bytea(0, 'a large object');
CREATE FUNCTION sum_of(a integer, b integer) RETURNS integer LANGUAGE sql
    BEGIN ATOMIC SELECT a; SELECT CASE WHEN a > b THEN a + b ELSE b + a END; END;
CREATE VIEW shown AS SELECT sum_of(1, 2) AS three;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM made;
CREATE RULE quiet AS ON DELETE TO sorted DO INSTEAD (SELECT 1; SELECT 2);
