"""Whether nothing is to be recorded in this context."""

from __future__ import annotations

from contextvars import ContextVar

paused: ContextVar[bool] = ContextVar("signal_log_paused", default=False)
