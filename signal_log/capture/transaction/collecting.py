"""Collects the events settled within one context and their receivers' calls, for the toolbar panel and for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from signal_log.capture.trace.gathered import Call
from signal_log.capture.trace.trace import Trace
from signal_log.event import Event


class Collected(list[Event]):
    """The events, and the calls of receivers, each with its trace."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Trace, Call]] = []


_listeners: ContextVar[tuple[Collected, ...]] = ContextVar("signal_log_listeners", default=())


@contextmanager
def collecting() -> Iterator[Collected]:
    """A list that receives every event settled in this context, including in threads that Django starts for it."""
    events = Collected()
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


def notify_of_call(trace: Trace, call: Call) -> None:
    """Pass a receiver's call to this context's listeners."""
    for listener in _listeners.get():
        listener.calls.append((trace, call))
