"""The steps of random programs: what somebody may do to rows, and the blocks it happens in."""

from __future__ import annotations

from dataclasses import dataclass


class Boom(Exception):
    """What receivers and blocks raise."""


@dataclass(frozen=True)
class Save:
    """Give the slot's object this name, taken or not, and save it. Receivers may read the log, save another, raise."""

    slot: int
    name: str
    another_in: str | None = None
    boom_in: str | None = None
    read_in: str | None = None


@dataclass(frozen=True)
class Delete:
    """Delete the slot's object, or (no slot) all rows by one queryset."""

    slot: int | None
    another_in: str | None = None
    boom_in: str | None = None
    read_in: str | None = None


@dataclass(frozen=True)
class Read:
    """Read the log, which in a block has its events written early."""


@dataclass(frozen=True)
class Reload:
    """Take a fresh object for the slot from the database, or refresh the one that is there."""

    slot: int
    same_object: bool = False


@dataclass(frozen=True)
class Update:
    """``update()`` of the row with this name, or of all; ``raw``: as SQL in a block of its own."""

    found: str | None
    name: str
    by_row: bool
    raw: bool = False


@dataclass(frozen=True)
class BulkUpdate:
    """Give the slot's object this name and write it by ``bulk_update``."""

    slot: int
    name: str
    by_row: bool


@dataclass(frozen=True)
class BulkCreate:
    """``bulk_create`` of rows with these names; names that are taken are refused, ignored or updated."""

    names: tuple[str, ...]
    conflicts: str
    by_row: bool


@dataclass(frozen=True)
class RawDelete:
    """Delete the row with this name, or all, by ``_raw_delete``."""

    found: str | None
    by_row: bool


@dataclass(frozen=True)
class Block:
    """An atomic block; its exception is caught right outside it."""

    body: list
    end: str
    savepoint: bool


@dataclass(frozen=True)
class ByHand:
    """A savepoint without a block; also the way out of a block that is doomed."""

    body: list
    undone: bool
