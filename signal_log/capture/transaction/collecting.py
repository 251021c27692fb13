"""Collects one context's events and its receivers' calls when they fire, for tests and the toolbar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Final

from signal_log.capture.trace.copies import without_copies
from signal_log.capture.trace.draft import Draft, values_of, watchers, watching
from signal_log.capture.trace.gathered import Call
from signal_log.capture.trace.trace import Trace
from signal_log.event import Event

OPEN: Final = "open"
"""The outcome of an event whose transaction has not ended."""


class Collected:
    """What has fired, and the calls of receivers, each with its trace."""

    def __init__(self) -> None:
        self.calls: list[tuple[Trace, Call]] = []
        self.drafts: list[Draft] = []

    def fired(self) -> list[Event]:
        """All events in the order in which they opened, with what is known of them by now; ``outcome`` may be open."""
        told = [Event._make(values) for values in without_copies(self.drafts, values_of(self.drafts, ""))]
        return [
            event if draft.outcome else event._replace(outcome=OPEN)
            for draft, event in zip(self.drafts, told, strict=True)
        ]


_counting: Final = Lock()
_listeners: ContextVar[tuple[Collected, ...]] = ContextVar("signal_log_listeners", default=())


@contextmanager
def collecting() -> Iterator[Collected]:
    """What fires in this context from now on, including in threads that Django starts for it."""
    events = Collected()
    listening = _listeners.set((*_listeners.get(), events))
    opened = watching.set((*watching.get(), events.drafts))
    with _counting:
        watchers[0] += 1
    try:
        yield events
    finally:
        with _counting:
            watchers[0] -= 1
        watching.reset(opened)
        _listeners.reset(listening)


def notify_of_call(trace: Trace, call: Call) -> None:
    """Pass a receiver's call to this context's listeners."""
    for listener in _listeners.get():
        listener.calls.append((trace, call))
