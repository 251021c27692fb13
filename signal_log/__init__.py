"""Records every model signal of a Django project with its transaction, and shows it live. This is the public API."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from signal_log.admin import HistoryLinkMixin
    from signal_log.admin_list import ListedFiltersMixin
    from signal_log.audit.reads import viewed
    from signal_log.capture.api import batch, context, observed_bulk, pause
    from signal_log.capture.trace.context import current_actor, remote_addr
    from signal_log.models import ReceiverCall, SignalEvent, SignalTrace
    from signal_log.permission import may, may_see_events

__all__ = [
    "HistoryLinkMixin", "ListedFiltersMixin", "ReceiverCall", "SignalEvent", "SignalTrace", "batch", "context",
    "current_actor", "may", "may_see_events", "observed_bulk", "pause", "remote_addr", "viewed",
]  # fmt: skip

_MODULES: Final = {
    "HistoryLinkMixin": "signal_log.admin",
    "ListedFiltersMixin": "signal_log.admin_list",
    "ReceiverCall": "signal_log.models",
    "SignalEvent": "signal_log.models",
    "SignalTrace": "signal_log.models",
    "batch": "signal_log.capture.api",
    "context": "signal_log.capture.api",
    "current_actor": "signal_log.capture.trace.context",
    "may": "signal_log.permission",
    "may_see_events": "signal_log.permission",
    "observed_bulk": "signal_log.capture.api",
    "pause": "signal_log.capture.api",
    "remote_addr": "signal_log.capture.trace.context",
    "viewed": "signal_log.audit.reads",
}


def __getattr__(name: str) -> Any:
    """Import on first access, because nothing here can be imported before Django is set up."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Also what nobody has imported yet, for shells that complete names."""
    return sorted({*globals(), *__all__})
