-- Texts in it are masked by a redaction; the verdict stays.
CREATE FUNCTION signal_log_verification_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'signal_log: what a verification has found is neither changed nor deleted'
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER signal_log_verification_no_delete BEFORE DELETE ON signal_log_verification
FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL AND coalesce(current_setting('signal_log.unlocked', true), '') = '')
EXECUTE FUNCTION signal_log_verification_refuse();

CREATE TRIGGER signal_log_verification_no_update
BEFORE UPDATE OF id, begun_at, ended_at, verdict, generation, whole, size, last_id ON signal_log_verification
FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL AND coalesce(current_setting('signal_log.unlocked', true), '') = '')
EXECUTE FUNCTION signal_log_verification_refuse();

-- Whatever ALTER DEFAULT PRIVILEGES gives to other roles than the owner: trees and checkpoints are never removed.
DO $$
DECLARE
    other text;
BEGIN
    FOR other IN
        SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
        FROM pg_class, aclexplode(relacl)
        WHERE pg_class.oid IN (
            'signal_log_sealtree'::regclass, 'signal_log_sealtile'::regclass, 'signal_log_sealcheckpoint'::regclass
        ) AND grantee <> relowner
    LOOP
        EXECUTE format(
            'REVOKE DELETE, TRUNCATE, REFERENCES, TRIGGER ON signal_log_sealtree, signal_log_sealtile, '
            'signal_log_sealcheckpoint FROM %s', other
        );
    END LOOP;
END
$$;
