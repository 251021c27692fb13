"""Runs random programs on the database and on a model, and compares the log with the model's."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from itertools import groupby
from threading import Thread

from django.db import IntegrityError, connection, connections, transaction
from django.db.models import QuerySet
from django.db.models.signals import ModelSignal, post_delete, post_save, pre_delete, pre_save

import signal_log
from signal_log.event import MODEL_SIGNALS
from signal_log.models import SignalEvent
from tests.integration.oracle import ANY, UNKNOWN, Model
from tests.integration.steps import (
    Block,
    Boom,
    BulkCreate,
    BulkUpdate,
    ByHand,
    Delete,
    Elsewhere,
    Load,
    RawDelete,
    Read,
    Reload,
    Save,
    Update,
)  # fmt: skip
from tests.shop.models import Category

new_savepoint = getattr(transaction, "savepoint_create", transaction.savepoint)  # its name on Django 6.1
SILENT = ("silent_insert", "silent_update", "silent_delete")
SIGNALS = {"pre_save": pre_save, "post_save": post_save, "pre_delete": pre_delete, "post_delete": post_delete}


Step = Save | Delete | Update | BulkUpdate | BulkCreate | RawDelete
CONFLICTS = {
    "": {},
    "ignore": {"ignore_conflicts": True},
    "update": {"update_conflicts": True, "unique_fields": ["name"], "update_fields": ["name"]},
}


def rows(name: str | None) -> QuerySet[Category]:
    """Return the row with this name, or all rows."""
    return Category.objects.all() if name is None else Category.objects.filter(name=name)


class Machine:
    """Runs a program on the database and updates the model after each step."""

    def __init__(self) -> None:
        self.model = Model()
        self.armed: Save | Delete | None = None
        self.before_step = 0
        self.left: list[Category] = []  # kept alive, so that no other object gets the same id()
        self.start = SignalEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0

    # -- the program on the database -----------------------------------------------------------------

    @contextmanager
    def receivers(self) -> Iterator[None]:
        """Connect the receiver that saves another row or raises if a step asks for it."""
        for signal in SIGNALS.values():
            signal.connect(self.react, sender=Category)
        try:
            yield
        finally:
            for signal in SIGNALS.values():
                signal.disconnect(self.react, sender=Category)

    def react(self, signal: ModelSignal, **_: object) -> None:
        """React only to the first signal of a step; what is saved in here sends signals of its own."""
        step, self.armed = self.armed, None
        if step is not None and step.read_in is not None and signal is SIGNALS[step.read_in]:
            step = replace(step, read_in=None)
            assert len(self.events()) >= self.before_step
        if step is not None and step.another_in is not None and signal is SIGNALS[step.another_in]:
            step = replace(step, another_in=None)
            self.model.number += 1
            self.model.another.append(Category.objects.create(name=f"another {self.model.number}").pk)
        if step is not None and step.boom_in is not None and signal is SIGNALS[step.boom_in]:
            raise Boom
        self.armed = step

    def run(self, program: list) -> bool:
        """Run the steps, and return whether they doomed the block around them, which ends it."""
        return any(self.step(step) for step in program)

    def step(self, step: object) -> bool:
        """Run one step, and return whether it doomed its block."""
        match step:
            case BulkUpdate(slot) if slot not in self.model.objects or self.model.objects[slot].pk is None:
                pass  # Django refuses it before asking the database
            case Save() | Delete() | Update() | BulkUpdate() | BulkCreate() | RawDelete():
                self.operate(step)
            case Read():
                self.compare()
            case Reload():
                self.reload(step)
            case Load():
                self.load(step)
            case Elsewhere() if not connection.in_atomic_block:  # it would wait for the block
                self.elsewhere(step)
            case Block():
                self.block(step)
            case ByHand(body) if not connection.in_atomic_block:
                self.run(body)
            case ByHand():
                self.by_hand(step)
        doomed = connection.in_atomic_block and connection.needs_rollback
        if not doomed:
            assert self.stored() == self.model.rows
        return doomed

    def stored(self) -> dict[int, str]:
        """Return the rows themselves, asked for below Django."""
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute("SELECT id, name FROM shop_category")
            return dict(cursor.fetchall())

    def block(self, step: Block) -> None:
        """Run a block; without a savepoint, a doomed block dooms the one around it."""
        mark = self.model.mark()
        outermost = not connection.in_atomic_block
        undone = False
        try:
            with transaction.atomic(savepoint=step.savepoint):
                undone = self.run(step.body)
                if step.end == "raise":
                    undone = True
                    raise Boom
                if step.end == "set_rollback":
                    undone = True
                    transaction.set_rollback(True)
        except Boom:
            pass
        if undone and (outermost or step.savepoint):
            self.model.undo(mark)

    def by_hand(self, step: ByHand) -> None:
        """Run a body inside a savepoint; rolling back to the savepoint rescues a doomed block."""
        mark = self.model.mark()
        savepoint = new_savepoint()
        self.run(step.body)
        if step.undone:
            transaction.set_rollback(False)
            transaction.savepoint_rollback(savepoint)
            self.model.undo(mark)
        elif not connection.needs_rollback:
            transaction.savepoint_commit(savepoint)

    def reload(self, step: Reload) -> None:
        """Load the slot's object again, after which it has seen its row."""
        pk = self.model.objects[step.slot].pk if step.slot in self.model.objects else None
        if pk not in self.model.rows:
            return
        if step.same_object:
            self.model.objects[step.slot].refresh_from_db()
        else:
            self.left.append(self.model.objects[step.slot])
            self.model.objects[step.slot] = Category.objects.get(pk=pk)
        # Refreshing leaves a deferred field deferred.
        self.model.loaded(step.slot, None if "name" in self.model.objects[step.slot].__dict__ else UNKNOWN)

    def load(self, step: Load) -> None:
        """Load a row into the slot, beside other objects of the same row, which do not notice what this one saves."""
        found = rows(step.name).first()
        if found is None:
            return
        if step.slot in self.model.objects:
            self.left.append(self.model.objects[step.slot])
        self.model.objects[step.slot] = found
        if step.how == "pickled":
            self.left.append(found)
            self.model.objects[step.slot] = pickle.loads(pickle.dumps(found))  # noqa: S301  our own
        elif step.how == "deferred":
            self.left.append(found)
            self.model.objects[step.slot] = Category.objects.only("id").get(pk=found.pk)
        self.model.loaded(step.slot, {"pickled": ANY, "deferred": UNKNOWN}.get(step.how))

    def elsewhere(self, step: Elsewhere) -> None:
        """Have another thread load and save a row."""

        def save() -> None:
            try:
                for category in rows(step.found):
                    category.name = step.name
                    with suppress(IntegrityError):
                        category.save()
            finally:
                connections.close_all()

        thread = Thread(target=save)
        thread.start()
        thread.join()
        self.model.elsewhere(step)

    def operate(self, step: Step) -> None:
        """Run a save, a delete or a silent write on the database and in the model; both must end the same way."""
        mark = self.model.mark()
        self.model.another, self.before_step = [], len(self.model.log)
        expected = self.expected(step)
        raised: type[Exception] | None = None
        next(expected)
        try:
            self.change(step)
        except (Boom, IntegrityError) as error:
            raised = type(error)
        self.armed = None
        oracle_raises = next(expected)
        assert raised is oracle_raises
        if raised is not None:
            self.model.believed.clear()
            # A save commits its row before the receivers that may raise, and what they saved stays too.
            if not connection.in_atomic_block and not isinstance(step, Save):
                self.model.undo(mark)

    def expected(self, step: Step) -> Iterator[type[Exception] | None]:
        """Return the model's part of the step."""
        match step:
            case Save():
                return self.model.saving(step)
            case Delete():
                return self.model.deleting(step)
        return self.model.writing(step)

    def change(self, step: Step) -> None:
        """Do the database's part of the step."""
        match step:
            case Save(slot, name):
                self.armed = step
                category = self.model.objects.setdefault(slot, Category())
                category.name = name
                category.save()
            case Delete(None):
                self.armed = step
                Category.objects.all().delete()
            case Delete(slot):
                self.armed = step
                if slot in self.model.objects and self.model.objects[slot].pk is not None:
                    self.model.objects[slot].delete()
            case Update(raw=True):
                self.update_by_hand(step)
            case _:
                with signal_log.observed_bulk() if step.by_row else nullcontext():
                    self.write(step)

    def write(self, step: Update | BulkUpdate | BulkCreate | RawDelete) -> None:
        """Write without signals, through the ORM."""
        match step:
            case Update(found, name):
                rows(found).update(name=name)
            case RawDelete(found):
                rows(found)._raw_delete("default")
            case BulkUpdate(slot, name):
                self.model.objects[slot].name = name
                Category.objects.bulk_update([self.model.objects[slot]], ["name"])
            case BulkCreate(names, conflicts):
                with transaction.atomic():  # on Django 6.1 a failure would leave the block broken but not doomed
                    Category.objects.bulk_create([Category(name=name) for name in names], **CONFLICTS[conflicts])
                self.model.keys = dict(Category.objects.filter(name__in=names).values_list("name", "pk"))

    def update_by_hand(self, step: Update) -> None:
        """Update in SQL, in a block of its own, because a failure would leave the outer one broken but not doomed."""
        found = [step.found, step.found is None]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE shop_category SET name = %s WHERE name = %s OR %s", [step.name, *found])

    def events(self) -> list[SignalEvent]:
        """Return the log's events in the order of their times, the rows of one statement by their keys.

        A save commits before the one whose receiver made it, so ids follow the commits instead.
        """
        found = SignalEvent.objects.filter(id__gt=self.start, sender="shop.Category", signal__in=MODEL_SIGNALS + SILENT)
        events = list(found.order_by("occurred_at", "position"))
        runs = groupby(events, lambda e: e.occurred_at if e.signal in SILENT and e.object_pk else e.id)
        return [event for _, run in runs for event in sorted(run, key=lambda e: int(e.object_pk or 0))]

    def compare(self) -> None:
        """Assert that the log equals the model's: same order, and each event with its operation and cause."""
        events = self.events()
        entries = self.model.visible_log()
        assert [(e.signal, e.object_repr, e.outcome) for e in events] == [
            (e.signal, e.name, e.outcome) for e in entries
        ]
        for event, entry in zip(events, entries, strict=True):
            if entry.changes is not ANY:
                assert event.changes.get("name") == entry.changes, event.signal
            if entry.overwrote is not ANY:
                assert event.overwrote == entry.overwrote, event.signal
            pre = events[entry.pre]
            assert (event.trace_id, event.operation) == (pre.trace_id, pre.position)
            cause = None if entry.cause is None else events[entry.cause]
            assert event.parent_position == (cause.position if cause else None)
            assert event.caused_by.endswith("Machine.react") == (cause is not None)
