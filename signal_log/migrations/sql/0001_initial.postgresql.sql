CREATE OR REPLACE FUNCTION signal_log_signalevent_refuse() RETURNS trigger STABLE LANGUAGE plpgsql AS $$
DECLARE
    door text := current_setting('signal_log.unlocked', true);
    opening bigint := substring(door FROM '/(\d{1,18})$');
BEGIN
    IF NOT EXISTS (
        SELECT FROM signal_log_signalevent AS event WHERE event.tableoid = TG_RELID AND event.id = opening
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

-- Whatever ALTER DEFAULT PRIVILEGES gives to other roles than the owner: nobody else may change the log or its identity.
DO $$
DECLARE
    other text;
BEGIN
    FOR other IN
        SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
        FROM pg_class, aclexplode(relacl)
        WHERE pg_class.oid IN ('signal_log_signalevent'::regclass, 'signal_log_logidentity'::regclass)
        AND grantee <> relowner
    LOOP
        EXECUTE format(
            'REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON signal_log_signalevent, signal_log_logidentity FROM %s',
            other
        );
    END LOOP;
END
$$;
