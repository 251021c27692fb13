CREATE TRIGGER signal_log_signalevent_no_update BEFORE UPDATE ON signal_log_signalevent
WHEN NOT signal_log_unlocked() BEGIN
    SELECT RAISE(ABORT, 'signal_log: the log is append-only; its rows are neither changed nor deleted');
END;

CREATE TRIGGER signal_log_signalevent_no_delete BEFORE DELETE ON signal_log_signalevent
WHEN NOT signal_log_unlocked() BEGIN
    SELECT RAISE(ABORT, 'signal_log: the log is append-only; its rows are neither changed nor deleted');
END;
