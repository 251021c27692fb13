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

CREATE TRIGGER signal_log_signalevent_no_such_id AFTER INSERT ON signal_log_signalevent
WHEN NEW.id NOT BETWEEN 1 AND
coalesce((SELECT max(id) FROM signal_log_signalevent WHERE id < NEW.id) + 10000000, 4503599627370496)
OR NEW.id > 9007199254740991 BEGIN
    SELECT RAISE(ABORT, 'signal_log: the log takes no such id; the database gives each event its own');
END;
