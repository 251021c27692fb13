"""Whether a save or delete is refused before it begins, in the current context: an audit's rule, not the recorder's."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

refusing: ContextVar[Callable[[type], None] | None] = ContextVar("signal_log_refusing", default=None)
"""Asked of the model before each save and delete; raises what refuses it."""
