"""Where settled events go: ``capture`` is handed a sink and knows nothing of tables or bells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.event import Event


class Sink(Protocol):
    """The store, as capture sees it."""

    def append(self, events: Sequence[Event], connection: BaseDatabaseWrapper, *, last: bool = False) -> None:
        """Write events on this connection, in its transaction; raises a ``DatabaseError`` when it cannot.

        ``last`` says that the COMMIT follows at once and may be sent along.
        """

    def mentions_log(self, sql: str) -> bool:
        """Whether a statement reads or writes the log's table."""

    def has_table(self) -> bool:
        """Whether the log's table is there yet; one query."""

    def ring(self) -> None:
        """Say that there is news; never raises, never waits."""


class _Nowhere:
    """The sink before the app is ready and after it is undone."""

    def append(self, events: Sequence[Event], connection: BaseDatabaseWrapper, *, last: bool = False) -> None: ...

    def mentions_log(self, sql: str) -> bool:
        return False

    def has_table(self) -> bool:
        return False

    def ring(self) -> None: ...


_in_force: list[Sink] = [_Nowhere()]


def sink() -> Sink:
    """The sink in force."""
    return _in_force[0]


def use_sink(new: Sink | None) -> None:
    """Send settled events there from now on (None: nowhere)."""
    _in_force[0] = new or _Nowhere()
