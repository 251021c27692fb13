"""Collects the events settled within one context, for the toolbar panel and for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from signal_log.event import Event

_listeners: ContextVar[tuple[list[Event], ...]] = ContextVar("signal_log_listeners", default=())


@contextmanager
def collecting() -> Iterator[list[Event]]:
    """A list that receives every event settled in this context, including in threads that Django starts for it."""
    events: list[Event] = []
    token = _listeners.set((*_listeners.get(), events))
    try:
        yield events
    finally:
        _listeners.reset(token)


def is_listening() -> bool:
    """Whether this context has a listener."""
    return bool(_listeners.get())


def notify_listeners(events: Sequence[Event]) -> None:
    """Pass settled events to this context's listeners."""
    for listener in _listeners.get():
        listener.extend(events)
