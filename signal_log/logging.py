"""A filter for ``LOGGING`` that gives each line the trace in which it was written, as ``%(signal_trace)s``."""

from __future__ import annotations

from logging import Filter, LogRecord

from signal_log.capture.trace.trace import current_trace


class TraceFilter(Filter):
    """Drops nothing. Set on a handler, it also serves the lines of libraries; outside of traces it says ``-``."""

    def filter(self, record: LogRecord) -> bool:
        """Add the trace to the record."""
        trace = current_trace.get()
        record.signal_trace = "-" if trace is None else trace.trace_id
        return True
