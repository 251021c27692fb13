CREATE OR REPLACE FUNCTION signal_log_signalevent_refuse() RETURNS trigger STABLE LANGUAGE plpgsql AS $$
DECLARE
    door text := current_setting('signal_log.unlocked', true);
    opening bigint := substring(door FROM '/(\d{1,18})$');
BEGIN
    IF NOT EXISTS (
        SELECT FROM signal_log_signalevent AS event WHERE event.id = opening
        AND coalesce(pg_partition_root(event.tableoid)::oid, event.tableoid)
            = coalesce(pg_partition_root(TG_RELID)::oid, TG_RELID)
        AND event.signal = 'signal_log.maintenance' AND event.source = 'command:' || split_part(door, '/', 1)
        AND event.labels ->> 'transaction' = pg_current_xact_id()::text
    ) OR (OLD.id = opening AND NOT (door LIKE 'flush/%' AND TG_OP = 'DELETE')) THEN
        RAISE EXCEPTION 'signal_log: the log is append-only; its rows are neither changed nor deleted'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'UPDATE' THEN RETURN NEW; END IF;
    IF OLD.id = opening AND EXISTS (SELECT FROM signal_log_signalevent WHERE id <> opening) THEN RETURN NULL; END IF;
    RETURN OLD;
END
$$;

CREATE OR REPLACE TRIGGER signal_log_signalevent_no_change BEFORE UPDATE OR DELETE ON signal_log_signalevent
FOR EACH ROW EXECUTE FUNCTION signal_log_signalevent_refuse();

CREATE OR REPLACE TRIGGER signal_log_signalevent_no_truncate BEFORE TRUNCATE ON signal_log_signalevent
FOR EACH STATEMENT EXECUTE FUNCTION signal_log_signalevent_refuse();

CREATE OR REPLACE FUNCTION signal_log_signalevent_refuse_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'signal_log: the log takes no such id; the database gives each event its own'
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE OR REPLACE TRIGGER signal_log_signalevent_no_such_id BEFORE INSERT ON signal_log_signalevent
FOR EACH ROW WHEN (NEW.id < 1 OR NEW.id > 9007199254740991) EXECUTE FUNCTION signal_log_signalevent_refuse_id();

CREATE OR REPLACE FUNCTION signal_log_signalevent_append(events json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO signal_log_signalevent (
        "signal", "sender", "using", "trace_id", "position", "operation", "source", "occurred_at",
        "process", "object_pk", "object_repr", "created", "raw", "update_fields", "origin", "changes",
        "overwrote", "labels", "parent_position", "caused_by", "outcome", "error", "actor_pk", "actor_repr",
        "request_id", "method", "path", "remote_addr", "call_site", "salt", "digest"
    ) SELECT
        "signal", "sender", "using", "trace_id", "position", "operation", "source", "occurred_at",
        "process", "object_pk", "object_repr", "created", "raw", "update_fields", "origin", "changes",
        "overwrote", "labels", "parent_position", "caused_by", "outcome", "error", "actor_pk", "actor_repr",
        "request_id", "method", "path", "remote_addr", "call_site", "salt", "digest"
    FROM json_populate_recordset(null::signal_log_signalevent, events);
END
$$;

DROP INDEX signal_log_time;

CREATE INDEX signal_log_time ON signal_log_signalevent USING brin (occurred_at, id)
WITH (pages_per_range = 32, autosummarize = on);

CREATE INDEX signal_log_field ON signal_log_signalevent
USING gin (jsonb_path_query_array(changes, '$.keyvalue().key', '{}', true)) WITH (fastupdate = off);

-- Whatever ALTER DEFAULT PRIVILEGES gives to other roles than the owner: nobody else may change the log or its
-- identity, and who may add an event does not choose its id.
DO $$
DECLARE
    other text;
    may_insert boolean;
    columns text := (
        SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
        WHERE attrelid = 'signal_log_signalevent'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'id'
    );
BEGIN
    FOR other, may_insert IN
        SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
            bool_or(privilege_type = 'INSERT' AND relname = 'signal_log_signalevent')
        FROM pg_class, aclexplode(relacl)
        WHERE pg_class.oid IN ('signal_log_signalevent'::regclass, 'signal_log_logidentity'::regclass)
        AND grantee <> relowner GROUP BY grantee
    LOOP
        EXECUTE format(
            'REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON %s, %s FROM %s',
            'signal_log_signalevent', 'signal_log_logidentity', other
        );
        IF may_insert THEN
            EXECUTE format('REVOKE INSERT ON signal_log_signalevent FROM %s', other);
            EXECUTE format('GRANT INSERT (%s) ON signal_log_signalevent TO %s', columns, other);
        END IF;
        EXECUTE format(
            'REVOKE USAGE, UPDATE ON SEQUENCE %s FROM %s',
            pg_get_serial_sequence('signal_log_signalevent', 'id'), other
        );
    END LOOP;
END
$$;
