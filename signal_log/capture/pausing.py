"""Whether recording is paused in the current context."""

from __future__ import annotations

from contextvars import ContextVar

paused: ContextVar[bool] = ContextVar("signal_log_paused", default=False)
