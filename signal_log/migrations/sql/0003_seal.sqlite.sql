CREATE TRIGGER signal_log_verification_no_delete BEFORE DELETE ON signal_log_verification
WHEN OLD.ended_at IS NOT NULL AND signal_log_unlocked() IS NULL BEGIN
    SELECT RAISE(ABORT, 'signal_log: what a verification has found is neither changed nor deleted');
END;

CREATE TRIGGER signal_log_verification_no_update
BEFORE UPDATE OF id, begun_at, ended_at, verdict, generation, whole, size, last_id ON signal_log_verification
WHEN OLD.ended_at IS NOT NULL AND signal_log_unlocked() IS NULL BEGIN
    SELECT RAISE(ABORT, 'signal_log: what a verification has found is neither changed nor deleted');
END;
