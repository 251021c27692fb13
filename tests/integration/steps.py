"""The steps of random programs: what can happen to rows, and the blocks it happens in."""

from __future__ import annotations

from dataclasses import dataclass


class Boom(Exception):
    """Raised by receivers and blocks."""


@dataclass(frozen=True)
class Save:
    """Save the slot's object with this name, taken or not; receivers may read the log, save another row, raise."""

    slot: int
    name: str
    another_in: str | None = None
    boom_in: str | None = None
    read_in: str | None = None


@dataclass(frozen=True)
class Delete:
    """Delete the slot's object, or (without a slot) all rows through a queryset."""

    slot: int | None
    another_in: str | None = None
    boom_in: str | None = None
    read_in: str | None = None


@dataclass(frozen=True)
class Read:
    """Read the log, which inside a block writes its events early."""


@dataclass(frozen=True)
class Reload:
    """Load a new object for the slot from the database, or refresh the existing one."""

    slot: int
    same_object: bool = False


@dataclass(frozen=True)
class Load:
    """Load the row with this name into the slot: whole, with its name deferred, or out of a cache that pickles."""

    slot: int
    name: str
    how: str


@dataclass(frozen=True)
class Elsewhere:
    """Have another thread, with a connection of its own, load the row with this name and save it under another."""

    found: str
    name: str


@dataclass(frozen=True)
class Update:
    """Call ``update()`` on the row with this name, or on all; ``raw``: run it as SQL in a block of its own."""

    found: str | None
    name: str
    by_row: bool
    raw: bool = False


@dataclass(frozen=True)
class BulkUpdate:
    """Give the slot's object this name and write it with ``bulk_update``."""

    slot: int
    name: str
    by_row: bool


@dataclass(frozen=True)
class BulkCreate:
    """Create rows with these names with ``bulk_create``; taken names are refused, ignored or updated."""

    names: tuple[str, ...]
    conflicts: str
    by_row: bool


@dataclass(frozen=True)
class RawDelete:
    """Delete the row with this name, or all, with ``_raw_delete``."""

    found: str | None
    by_row: bool


@dataclass(frozen=True)
class Block:
    """An atomic block whose exception is caught right outside it."""

    body: list
    end: str
    savepoint: bool


@dataclass(frozen=True)
class ByHand:
    """A savepoint without a block, which is also the way out of a doomed block."""

    body: list
    undone: bool
