DROP FUNCTION signal_log_verification_refuse() CASCADE;
