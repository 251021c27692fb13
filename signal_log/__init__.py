"""Every model signal of a Django project, recorded with its transaction and shown live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signal_log.models import SignalEvent

__all__ = ["SignalEvent"]


def __getattr__(name: str) -> Any:
    """``signal_log.SignalEvent``, looked up late: models cannot be imported before Django is set up."""
    if name == "SignalEvent":
        from signal_log.models import SignalEvent

        return SignalEvent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
