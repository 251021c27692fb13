-- Roles for the database: observatory_owner owns the tables and migrates; observatory_app is the application's,
-- owns nothing, and may add to the log and read it, but neither change nor delete any of it. A third, if
-- SEALER_PASSWORD is given: observatory_sealer, which alone writes the tree. Run the file again after `migrate` then.
--
-- A superuser runs this in the project's database before the first `migrate`, and again whenever it has changed, or the
-- application may have changed its own role: passwords and settings (ALTER ROLE … SET) are those of this file again. It
-- also takes over an installation that had one role for everything:
--   OWNER_PASSWORD=... APP_PASSWORD=... psql --file deploy/roles.sql "$SUPERUSER_URL"
-- Then `manage.py migrate` runs with a DATABASE_URL of observatory_owner, and everything else with observatory_app.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
BEGIN;

SELECT 'CREATE ROLE observatory_owner' WHERE to_regrole('observatory_owner') IS NULL \gexec
SELECT 'CREATE ROLE observatory_app' WHERE to_regrole('observatory_app') IS NULL \gexec
ALTER ROLE observatory_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'owner_password';
ALTER ROLE observatory_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'app_password';

-- No temporary tables for the application: one named like the log would be found before the log, for as long as a
-- pooled connection lives.
SELECT format('ALTER DATABASE %I OWNER TO observatory_owner', current_database()) \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC, observatory_app', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO observatory_app', current_database()) \gexec
ALTER SCHEMA public OWNER TO observatory_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC, observatory_app;
GRANT USAGE ON SCHEMA public TO observatory_app;

-- What was made by another role: tables with their indexes and sequences, views, functions.
SELECT format('ALTER TABLE %s OWNER TO observatory_owner', oid::regclass) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
AND relowner <> 'observatory_owner'::regrole \gexec
SELECT format('ALTER ROUTINE %s OWNER TO observatory_owner', oid::regprocedure) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proowner <> 'observatory_owner'::regrole
AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e') \gexec

-- The application reads and writes rows, of the tables that are there and of those that migrations will make.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO observatory_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO observatory_app;
ALTER DEFAULT PRIVILEGES FOR ROLE observatory_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO observatory_app;
ALTER DEFAULT PRIVILEGES FOR ROLE observatory_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO observatory_app;

-- The log is the exception. On a new database the migration that makes it takes the same rights away.
SELECT format('REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON %s FROM PUBLIC, observatory_app', oid::regclass)
FROM pg_class WHERE relnamespace = 'public'::regnamespace
AND relname IN ('signal_log_signalevent', 'signal_log_logidentity') \gexec

-- Its partitions are used through it alone: nobody else has rights on one.
SELECT format('REVOKE ALL ON %s FROM PUBLIC, observatory_app', inhrelid::regclass)
FROM pg_inherits WHERE inhparent = to_regclass('public.signal_log_signalevent') \gexec

-- Trees, tiles and checkpoints grow, and are never removed; what a verification has found is kept by triggers.
SELECT format('REVOKE DELETE, TRUNCATE, REFERENCES, TRIGGER ON %s FROM PUBLIC, observatory_app', oid::regclass)
FROM pg_class WHERE relnamespace = 'public'::regnamespace
AND relname IN ('signal_log_sealtree', 'signal_log_sealtile', 'signal_log_sealcheckpoint') \gexec

-- With SEALER_PASSWORD a third role alone writes them, for `signal_seal --watch` in a process of its own.
\getenv sealer_password SEALER_PASSWORD
\if :{?sealer_password}
SELECT 'CREATE ROLE observatory_sealer' WHERE to_regrole('observatory_sealer') IS NULL \gexec
ALTER ROLE observatory_sealer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT
    PASSWORD :'sealer_password';
GRANT observatory_app TO observatory_sealer;
SELECT format('REVOKE INSERT, UPDATE, DELETE ON %s FROM observatory_app', oid::regclass),
    format('GRANT INSERT, UPDATE ON %s TO observatory_sealer', oid::regclass)
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname IN (
    'signal_log_sealtree', 'signal_log_sealtile', 'signal_log_sealcheckpoint', 'signal_log_sealwitness'
) \gexec
SELECT format('GRANT DELETE ON %s TO observatory_sealer', oid::regclass)
FROM pg_class WHERE oid = to_regclass('public.signal_log_sealwitness') \gexec
\endif

-- An event's id is the database's to give. `migrate` grants a column that is added later.
SELECT format('REVOKE INSERT ON %s FROM PUBLIC, observatory_app', attrelid::regclass),
    format('GRANT INSERT (%s) ON %s TO observatory_app', string_agg(quote_ident(attname), ', '), attrelid::regclass)
FROM pg_attribute WHERE attrelid = to_regclass('public.signal_log_signalevent')
AND attnum > 0 AND NOT attisdropped AND attname <> 'id' GROUP BY attrelid \gexec
SELECT format('REVOKE ALL ON SEQUENCE %s FROM PUBLIC, observatory_app', name),
    format('GRANT SELECT ON SEQUENCE %s TO observatory_app', name)
FROM pg_get_serial_sequence(to_regclass('public.signal_log_signalevent')::text, 'id') AS name
WHERE name IS NOT NULL \gexec

-- Large objects would be owned by who makes them.
REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC, observatory_app;

-- PostgreSQL lets every role change its own settings and its own password, for good, and nobody can forbid that: what
-- was set is taken back here, and the password is given anew above.
SELECT format('ALTER ROLE %s %s RESET ALL', setrole::regrole, 'IN DATABASE ' || quote_ident(datname))
FROM pg_db_role_setting LEFT JOIN pg_database ON pg_database.oid = setdatabase
WHERE setrole IN ('observatory_owner'::regrole, 'observatory_app'::regrole) \gexec

COMMIT;
