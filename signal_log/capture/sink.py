"""Where settled events and telemetry go: ``capture`` is handed a sink and knows of no table and no channel layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.trace.trace import Keeper, Trace
from signal_log.event import EventValues


class Sink(Keeper, Protocol):
    """The interface between capture and the store."""

    def append(self, events: Sequence[EventValues], connection: BaseDatabaseWrapper, *, last: bool = False) -> None:
        """Write events on this connection, in its transaction; raises ``DatabaseError`` on failure.

        ``last`` means that the COMMIT follows immediately and may be sent in the same round trip.
        """

    def mentions_log(self, sql: str) -> bool:
        """Whether a statement reads or writes the log's table."""

    def has_table(self) -> bool:
        """Whether the log's table exists yet; one query."""

    def is_forbidden(self) -> bool:
        """Whether Django forbids the running test case to use the log's database, because it does not name it."""

    def ring(self) -> None:
        """Ring the doorbell; never raises or blocks."""


class _NullSink:
    """The sink while the app is not started."""

    def append(self, events: Sequence[EventValues], connection: BaseDatabaseWrapper, *, last: bool = False) -> None: ...

    def mentions_log(self, sql: str) -> bool:
        return False

    def has_table(self) -> bool:
        return False

    def is_forbidden(self) -> bool:
        return False

    def ring(self) -> None: ...

    def take_calls(self, trace: Trace) -> None: ...

    def take_ended(self, trace: Trace) -> None: ...

    def take_unkept(self, trace: Trace) -> None: ...

    def write_kept(self) -> None: ...

    def enqueued(self, trace: Trace, task: str) -> None: ...

    def sessions_of_task(self, task: str) -> tuple[int, ...]:
        return ()


_current: list[Sink] = [_NullSink()]


def sink() -> Sink:
    """The current sink."""
    return _current[0]


def use_sink(new: Sink | None) -> None:
    """Send settled events to this sink from now on (None: discard them)."""
    _current[0] = new or _NullSink()


def is_recording() -> bool:
    """Whether the app is started."""
    return not isinstance(_current[0], _NullSink)
