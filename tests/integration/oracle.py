"""A simple model of what each step of a random program should leave in the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from django.db import IntegrityError

from signal_log.event import COMMITTED, FAILED, ROLLED_BACK
from tests.integration.steps import Boom, BulkCreate, BulkUpdate, Delete, Elsewhere, RawDelete, Save, Update
from tests.shop.models import Category

OPEN = "open"
UNKNOWN = {"unknown": True}
"""What stands in a pre event for a value that was not loaded."""
ANY = object()
"""A value that the model does not know: a rollback may or may not have taken back what an object remembers."""


@dataclass
class Entry:
    """An event that the log should hold; its pre event and its cause are indexes into the list."""

    signal: str
    name: str
    changes: object
    pre: int
    overwrote: object = None
    cause: int | None = None
    outcome: str = OPEN


@dataclass(frozen=True)
class Mark:
    """The state that a rollback goes back to."""

    place: int
    rows: dict[int, str]


@dataclass
class Model:
    """The expected state: the rows, what each object believes to be in its row, and the log.

    ``objects``, ``another`` (the keys of what a receiver saved) and ``keys`` (of the names that a ``bulk_create`` was
    given) are filled by the machine; the model takes only keys from them.
    """

    rows: dict[int, str] = field(default_factory=dict)
    believed: dict[int, object] = field(default_factory=dict)
    log: list[Entry] = field(default_factory=list)
    objects: dict[int, Category] = field(default_factory=dict)
    another: list[int] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)
    number: int = 0

    def fire(self, signal: str, name: str, changes: object, pre: int | None = None, overwrote: object = None) -> int:
        """Add the next event and return its index."""
        place = len(self.log)
        self.log.append(Entry(signal, name, changes, place if pre is None else pre, overwrote))
        return place

    def mark(self) -> Mark:
        """Remember the current state."""
        return Mark(len(self.log), dict(self.rows))

    def undo(self, mark: Mark) -> None:
        """Restore the state; later events stay as rolled back, and it is not certain any more what objects believe."""
        self.rows = dict(mark.rows)
        self.believed.clear()
        for entry in self.log[mark.place :]:
            entry.outcome = ROLLED_BACK if entry.outcome == OPEN else entry.outcome

    def visible_log(self) -> list[Entry]:
        """Return the log as a reader sees it now."""
        return [replace(entry, outcome=COMMITTED) if entry.outcome == OPEN else entry for entry in self.log]

    def loaded(self, slot: int, value: object = None) -> None:
        """Note that the slot's object has just been read: what its row holds, or something else that it believes."""
        pk = self.objects[slot].pk
        self.believed[id(self.objects[slot])] = self.rows[pk] if value is None else value

    def believed_by(self, slot: int) -> object:
        """Return the name that the slot's object believes its row to have."""
        thing = self.objects.get(slot)
        return None if thing is None or thing.pk is None else self.believed.get(id(thing), ANY)

    # -- expected results: each first sees the state before, then yields the expected exception -----------

    def saving(self, step: Save) -> Iterator[type[Exception] | None]:
        """Save; it fails before its post signal if a receiver raises or the name is taken."""
        before = self.objects.get(step.slot)
        pk = before.pk if before else None
        believed = self.believed_by(step.slot)
        yield None
        pre = self.fire("pre_save", step.name, difference(believed, step.name))
        self.receiver_saved(step, "pre_save", pre)
        if step.boom_in == "pre_save":
            self.log[pre].outcome = FAILED
            yield Boom
        if any(name == step.name for key, name in self.rows.items() if key != pk):
            self.log[pre].outcome = FAILED
            yield IntegrityError
        held = self.rows.get(pk)
        pk = self.objects[step.slot].pk
        self.rows[pk] = step.name
        self.believed[id(self.objects[step.slot])] = step.name
        post = self.fire("post_save", step.name, difference(held, step.name), pre, unseen(believed, held, step.name))
        self.receiver_saved(step, "post_save", post)
        yield Boom if step.boom_in == "post_save" else None

    def elsewhere(self, step: Elsewhere) -> None:
        """Add what another thread's save of a row leaves."""
        for pk in named(step.found, self.rows):
            pre = self.fire("pre_save", step.name, difference(step.found, step.name))
            if any(name == step.name for key, name in self.rows.items() if key != pk):
                self.log[pre].outcome = FAILED
            else:
                self.rows[pk] = step.name
                self.fire("post_save", step.name, difference(step.found, step.name), pre, [])

    def deleting(self, step: Delete) -> Iterator[type[Exception] | None]:
        """Delete: all pre signals, then all post signals in reverse; the first and the last receiver may raise."""
        gone = self.to_delete(step.slot)
        yield None
        pres: dict[int, int] = {}
        for pk, shown, believed in gone:
            pres[pk] = self.fire("pre_delete", shown, difference(believed, None))
            if pk == gone[0][0]:
                self.receiver_saved(step, "pre_delete", pres[pk])
                if step.boom_in == "pre_delete":
                    self.never_deleted(pres.values())
                    yield Boom
        for pk, shown, believed in reversed(gone):
            changes, overwrote = ANY, ANY  # nothing is said here of a row that is gone already
            if pk in self.rows:
                held = self.rows.pop(pk)
                changes, overwrote = difference(held, None), unseen(believed, held, None)
            post = self.fire("post_delete", shown, changes, pres.pop(pk), overwrote)
            if pk == gone[-1][0]:
                self.receiver_saved(step, "post_delete", post)
                if step.boom_in == "post_delete":
                    self.never_deleted(pres.values())
                    yield Boom
        yield None

    def writing(self, step: Update | BulkUpdate | BulkCreate | RawDelete) -> Iterator[type[Exception] | None]:
        """Write without signals; refused if two rows would have the same name."""
        write = Silent.of(step, self)
        yield None
        if write.refused:
            self.log[self.fire(write.signal, "0 rows", write.assigned)].outcome = FAILED
            yield IntegrityError
        if isinstance(step, BulkCreate):
            write = replace(write, new={self.keys[name]: name for name in write.new.values()})
        after = {**self.rows, **write.new}
        touched = sorted({*write.gone, *write.new})
        if write.by_row:
            for pk in touched:
                self.row(pk, self.rows.get(pk), None if pk in write.gone else after[pk])
        elif touched:
            rows = "1 row" if len(touched) == 1 else f"{len(touched)} rows"
            self.fire(write.signal, rows, write.assigned)
        self.rows = {pk: name for pk, name in after.items() if pk not in write.gone}
        yield None

    def row(self, pk: int, old: str | None, new: str | None) -> None:
        """Add the event of one row of a bulk write."""
        verb = "insert" if pk not in self.rows else "update" if new is not None else "delete"
        self.fire(f"silent_{verb}", new or old or "", None if old == new else [old, new])

    def to_delete(self, slot: int | None) -> list[tuple[int, str, object]]:
        """Return key, text and believed name of each row that a delete is about, in the order of keys."""
        if slot is None:
            return [(pk, name, name) for pk, name in sorted(self.rows.items())]
        category = self.objects.get(slot)
        if category is None or category.pk is None:
            return []
        text = category.__dict__.get("name", f"Category object ({category.pk})")
        return [(category.pk, text, self.believed_by(slot))]

    def never_deleted(self, pres: Iterable[int]) -> None:
        """Mark deletes as failed."""
        for place in pres:
            self.log[place].outcome = FAILED

    def receiver_saved(self, step: Save | Delete, signal: str, cause: int) -> None:
        """Add what the receiver saved during the signal."""
        if step.another_in != signal or not self.another:
            return
        name = f"another {self.number}"
        self.rows[self.another[0]] = name
        for inner in ("pre_save", "post_save"):
            pre, overwrote = (None, None) if inner == "pre_save" else (len(self.log) - 1, [])
            place = self.fire(inner, name, [None, name], pre, overwrote)
            self.log[place].cause = cause


@dataclass(frozen=True)
class Silent:
    """What a write without signals does: to which rows, and whether the database allows it."""

    signal: str
    by_row: bool
    assigned: list | None = None
    new: dict[int, str] = field(default_factory=dict)
    gone: frozenset[int] = frozenset()
    refused: bool = False

    @classmethod
    def of(cls, step: Update | BulkUpdate | BulkCreate | RawDelete, model: Model) -> Silent:
        """Return what a step would write, given the model's state before it."""
        rows = model.rows
        match step:
            case RawDelete(found, by_row):
                return cls("silent_delete", by_row, gone=frozenset(named(found, rows)))
            case BulkCreate(names, conflicts, by_row):
                taken = set(rows.values()) & set(names)
                wanted = [name for name in names if name not in taken] if conflicts == "ignore" else names
                new = {-place: name for place, name in enumerate(wanted, 1)}  # the keys are not known yet
                return cls("silent_insert", by_row, new=new, refused=bool(taken) and not conflicts)
            case BulkUpdate(slot, name, by_row):
                found_by_key = {model.objects[slot].pk} & rows.keys()
                model.believed.pop(id(model.objects[slot]), None)
                return cls.update(found_by_key, name, rows, by_row, "(one of several values)")
            case Update(found, name, by_row, raw):
                return cls.update(named(found, rows), name, rows, by_row and not raw, None if raw else name)

    @classmethod
    def update(cls, found: Iterable[int], name: str, rows: dict[int, str], by_row: bool, shown: str | None) -> Silent:
        """Give all of these rows the same name, which only one row may have."""
        new = dict.fromkeys(found, name)
        clash = len(new) > 1 or any(held == name for pk, held in rows.items() if pk not in new)
        return cls("silent_update", by_row, shown and [None, shown], new, refused=bool(new) and clash)


def difference(old: object, new: str | None) -> object:
    """Return what the changes say of the name."""
    return ANY if old is ANY else None if old == new else [old, new]


def unseen(believed: object, held: str | None, new: str | None) -> object:
    """Return what a post event has to name as overwritten: the name, if it held what the writer had not seen."""
    if held is None or held == new:
        return []
    return ANY if believed is ANY else [] if believed == held else ["name"]


def named(name: str | None, rows: dict[int, str]) -> list[int]:
    """Return the keys of the rows with this name, or of all rows."""
    return [pk for pk, held in rows.items() if name in (None, held)]
