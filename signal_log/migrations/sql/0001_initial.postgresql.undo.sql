DROP FUNCTION signal_log_signalevent_append(json);
DROP FUNCTION signal_log_signalevent_refuse() CASCADE;
DROP FUNCTION signal_log_signalevent_refuse_id() CASCADE;
