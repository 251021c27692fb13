"""Listening in on settled events within one context: for the toolbar's panel and for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from signal_log.event import Event

_listeners: ContextVar[tuple[list[Event], ...]] = ContextVar("signal_log_listeners", default=())


@contextmanager
def collecting() -> Iterator[list[Event]]:
    """A list that receives every event settled in this context, also in threads Django starts for it."""
    events: list[Event] = []
    token = _listeners.set((*_listeners.get(), events))
    try:
        yield events
    finally:
        _listeners.reset(token)


def is_listening() -> bool:
    """Whether anybody listens in this context."""
    return bool(_listeners.get())


def hand_over(events: Sequence[Event]) -> None:
    """Give settled events to whoever listens here."""
    for listener in _listeners.get():
        listener.extend(events)
