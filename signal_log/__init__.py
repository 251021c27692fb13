"""Every model signal of a Django project, recorded with its transaction and shown live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signal_log.capture.api import batch, context, observed_bulk, pause
    from signal_log.models import SignalEvent

__all__ = ["SignalEvent", "batch", "context", "observed_bulk", "pause"]


def __getattr__(name: str) -> Any:
    """``signal_log.SignalEvent`` and the API, looked up late: both need Django to be set up."""
    if name == "SignalEvent":
        from signal_log.models import SignalEvent

        return SignalEvent
    if name in __all__:
        from signal_log.capture import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
