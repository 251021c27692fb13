CREATE OR REPLACE FUNCTION signal_log_signalevent_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('signal_log.unlocked', true), '') <> 'on' THEN
        RAISE EXCEPTION 'signal_log: the log is append-only; its rows are neither changed nor deleted'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'UPDATE' THEN RETURN NEW; END IF;
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
