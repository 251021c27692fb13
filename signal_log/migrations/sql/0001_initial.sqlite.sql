CREATE TRIGGER signal_log_signalevent_no_update BEFORE UPDATE ON signal_log_signalevent
WHEN NOT EXISTS (SELECT 1 FROM signal_log_signalevent
WHERE id = signal_log_unlocked() AND signal = 'signal_log.maintenance') BEGIN
    SELECT RAISE(ABORT, 'signal_log: the log is append-only; its rows are neither changed nor deleted');
END;

CREATE TRIGGER signal_log_signalevent_no_delete BEFORE DELETE ON signal_log_signalevent
WHEN NOT EXISTS (SELECT 1 FROM signal_log_signalevent
WHERE id = signal_log_unlocked() AND signal = 'signal_log.maintenance') BEGIN
    SELECT RAISE(ABORT, 'signal_log: the log is append-only; its rows are neither changed nor deleted');
END;

CREATE TRIGGER signal_log_signalevent_no_replace BEFORE INSERT ON signal_log_signalevent
WHEN NEW.id > 0 AND EXISTS (SELECT 1 FROM signal_log_signalevent WHERE id = NEW.id) BEGIN
    SELECT RAISE(ABORT, 'signal_log: the log is append-only; its rows are neither changed nor deleted');
END;
