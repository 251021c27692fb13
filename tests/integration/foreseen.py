"""Steps of random programs, and a simple model of what each should leave in the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from django.db import IntegrityError

from signal_log.event import COMMITTED, FAILED, ROLLED_BACK
from tests.shop.models import Category

OPEN = "open"


class Boom(Exception):
    """What receivers and blocks raise."""


@dataclass(frozen=True)
class Save:
    """Give the slot's object this name and save it; a name may be taken. Receivers may save another and raise."""

    slot: int
    name: str
    another_in: str | None = None
    boom_in: str | None = None


@dataclass(frozen=True)
class Delete:
    """Delete the slot's object, or (no slot) all rows by one queryset."""

    slot: int | None
    another_in: str | None = None
    boom_in: str | None = None


@dataclass(frozen=True)
class Read:
    """Read the log, which in a block has its events written early."""


@dataclass(frozen=True)
class Reload:
    """Take a fresh object for the slot from the database; not in a block."""

    slot: int


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


@dataclass
class Entry:
    """An event that the log should hold; the pre event of its operation and its cause as places in the list."""

    signal: str
    name: str
    changes: list | None
    pre: int
    cause: int | None = None
    outcome: str = OPEN


@dataclass
class Model:
    """What should be so: the rows, what each slot's object is known to have held, and the log.

    ``objects`` and ``another`` (the keys of what a receiver saved) are the database's part, looked at for keys.
    """

    rows: dict[int, str] = field(default_factory=dict)
    known: dict[int, tuple[int, str]] = field(default_factory=dict)
    log: list[Entry] = field(default_factory=list)
    objects: dict[int, Category] = field(default_factory=dict)
    another: list[int] = field(default_factory=list)
    number: int = 0

    def fire(self, signal: str, name: str, changes: list | None, pre: int | None = None) -> int:
        """The next event; its place."""
        place = len(self.log)
        self.log.append(Entry(signal, name, changes, place if pre is None else pre))
        return place

    def mark(self) -> tuple[int, dict, dict]:
        """What a rollback goes back to."""
        return len(self.log), dict(self.rows), dict(self.known)

    def undo(self, mark: tuple[int, dict, dict]) -> None:
        """Go back; what is undone stays in the log as such."""
        place, self.rows, self.known = mark[0], dict(mark[1]), dict(mark[2])
        for entry in self.log[place:]:
            if entry.outcome == OPEN:
                entry.outcome = ROLLED_BACK

    def told(self) -> list[Entry]:
        """The log as a reader sees it now."""
        return [replace(entry, outcome=COMMITTED) if entry.outcome == OPEN else entry for entry in self.log]

    # -- what should come of it: each first sees what was so before, then tells the exception ------------

    def saving(self, step: Save) -> Iterator[type[Exception] | None]:
        """A save: failed before its post signal where a receiver raises or the name is taken."""
        before = self.objects.get(step.slot)
        pk = before.pk if before else None
        known = self.known.get(step.slot)
        yield None
        old = known[1] if known and known[0] == pk else self.rows.get(pk)
        pre = self.fire("pre_save", step.name, None if old == step.name else [old, step.name])
        self.reacted(step, "pre_save", pre)
        if step.boom_in == "pre_save":
            self.log[pre].outcome = FAILED
            yield Boom
        if any(name == step.name for key, name in self.rows.items() if key != pk):
            self.log[pre].outcome = FAILED
            yield IntegrityError
        if pk not in self.rows:
            old = None
        pk = self.objects[step.slot].pk
        self.rows[pk] = step.name
        self.known[step.slot] = (pk, step.name)
        post = self.fire("post_save", step.name, None if old == step.name else [old, step.name], pre)
        self.reacted(step, "post_save", post)
        yield Boom if step.boom_in == "post_save" else None

    def deleting(self, step: Delete) -> Iterator[type[Exception] | None]:
        """A delete: all pre signals, then all post signals the other way round; the first may raise."""
        gone = self.to_delete(step.slot)
        yield None
        pres: dict[int, int] = {}
        for pk, shown, held in gone:
            pres[pk] = self.fire("pre_delete", shown, [held, None])
            if pk == gone[0][0]:
                self.reacted(step, "pre_delete", pres[pk])
                if step.boom_in == "pre_delete":
                    self.never_deleted(pres.values())
                    yield Boom
        for pk, shown, held in reversed(gone):
            self.rows.pop(pk, None)
            post = self.fire("post_delete", shown, [held, None], pres.pop(pk))
            if pk == gone[-1][0]:
                self.reacted(step, "post_delete", post)
                if step.boom_in == "post_delete":
                    self.never_deleted(pres.values())
                    yield Boom
        yield None

    def to_delete(self, slot: int | None) -> list[tuple[int, str, str]]:
        """Key, text and last known name of what a delete is about, by key."""
        if slot is None:
            return [(pk, name, name) for pk, name in sorted(self.rows.items())]
        category = self.objects.get(slot)
        if category is None or category.pk is None:
            return []
        known = self.known.get(slot)
        return [(category.pk, category.name, known[1] if known else category.name)]

    def never_deleted(self, pres: Iterable[int]) -> None:
        for place in pres:
            self.log[place].outcome = FAILED

    def reacted(self, step: Save | Delete, signal: str, cause: int) -> None:
        """What the receiver saved on the way."""
        if step.another_in != signal or not self.another:
            return
        name = f"another {self.number}"
        self.rows[self.another[0]] = name
        for inner in ("pre_save", "post_save"):
            place = self.fire(inner, name, [None, name], None if inner == "pre_save" else len(self.log) - 1)
            self.log[place].cause = cause
