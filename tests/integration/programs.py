"""Runs random programs on the database, and beside it brings a model to what should have come of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.db import IntegrityError, connection, transaction
from django.db.models.signals import ModelSignal, post_delete, post_save, pre_delete, pre_save

from signal_log.event import MODEL_SIGNALS
from signal_log.models import SignalEvent
from tests.integration.foreseen import Block, Boom, ByHand, Delete, Model, Read, Reload, Save
from tests.shop.models import Category

new_savepoint = getattr(transaction, "savepoint_create", transaction.savepoint)  # its name in Django 6.1
SIGNALS = {"pre_save": pre_save, "post_save": post_save, "pre_delete": pre_delete, "post_delete": post_delete}


class Machine:
    """Runs a program on the database, and after each step brings the model to what should be so."""

    def __init__(self) -> None:
        self.model = Model()
        self.armed: Save | Delete | None = None
        self.start = SignalEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0

    # -- the program on the database -----------------------------------------------------------------

    @contextmanager
    def receivers(self) -> Iterator[None]:
        """The receiver that saves another row or raises, where a step asks for it."""
        for signal in SIGNALS.values():
            signal.connect(self.react, sender=Category)
        try:
            yield
        finally:
            for signal in SIGNALS.values():
                signal.disconnect(self.react, sender=Category)

    def react(self, signal: ModelSignal, **_: object) -> None:
        """Only to the first firing of a step; what is saved in here fires for itself."""
        step, self.armed = self.armed, None
        if step is not None and step.another_in is not None and signal is SIGNALS[step.another_in]:
            step = replace(step, another_in=None)
            self.model.number += 1
            self.model.another.append(Category.objects.create(name=f"another {self.model.number}").pk)
        if step is not None and step.boom_in is not None and signal is SIGNALS[step.boom_in]:
            raise Boom
        self.armed = step

    def run(self, program: list) -> bool:
        """Run the steps; whether they have doomed the block they are in, which then goes no further."""
        return any(self.step(step) for step in program)

    def step(self, step: object) -> bool:
        """One step; whether it has doomed its block."""
        match step:
            case Save() | Delete():
                self.operate(step)
            case Read():
                self.compare()
            case Reload(slot) if not connection.in_atomic_block:
                self.reload(slot)
            case Block():
                self.block(step)
            case ByHand(body) if not connection.in_atomic_block:
                self.run(body)
            case ByHand():
                self.by_hand(step)
        return connection.in_atomic_block and connection.needs_rollback

    def block(self, step: Block) -> None:
        """A doomed block without a savepoint dooms the one around it."""
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
        """Rolling back to the savepoint saves a doomed block."""
        mark = self.model.mark()
        savepoint = new_savepoint()
        self.run(step.body)
        if step.undone:
            transaction.set_rollback(False)
            transaction.savepoint_rollback(savepoint)
            self.model.undo(mark)
        elif not connection.needs_rollback:
            transaction.savepoint_commit(savepoint)

    def reload(self, slot: int) -> None:
        """What was loaded is known."""
        pk = self.model.objects[slot].pk if slot in self.model.objects else None
        if pk in self.model.rows:
            self.model.objects[slot] = Category.objects.get(pk=pk)
            self.model.known[slot] = (pk, self.model.rows[pk])

    def operate(self, step: Save | Delete) -> None:
        """A save or a delete, on the database and in the model; both must end alike."""
        mark = self.model.mark()
        self.armed, self.model.another = step, []
        expected = self.model.saving(step) if isinstance(step, Save) else self.model.deleting(step)
        raised: type[Exception] | None = None
        next(expected)
        try:
            self.change(step)
        except (Boom, IntegrityError) as error:
            raised = type(error)
        self.armed = None
        foreseen = next(expected)
        assert raised is foreseen
        if raised is not None and not connection.in_atomic_block:
            self.model.undo(mark)

    def change(self, step: Save | Delete) -> None:
        """The database's part."""
        if isinstance(step, Save):
            category = self.model.objects.setdefault(step.slot, Category())
            category.name = step.name
            category.save()
        elif step.slot is None:
            Category.objects.all().delete()
        elif step.slot in self.model.objects and self.model.objects[step.slot].pk is not None:
            self.model.objects[step.slot].delete()

    def compare(self) -> None:
        """The log holds what the model holds, in its order, each event with its operation and its cause."""
        events = list(
            SignalEvent.objects.filter(id__gt=self.start, sender="shop.Category", signal__in=MODEL_SIGNALS).order_by(
                "id"
            )
        )
        entries = self.model.told()
        assert [(e.signal, e.object_repr, e.outcome, e.changes.get("name")) for e in events] == [
            (e.signal, e.name, e.outcome, e.changes) for e in entries
        ]
        for event, entry in zip(events, entries, strict=True):
            pre = events[entry.pre]
            assert (event.trace_id, event.operation) == (pre.trace_id, pre.position)
            cause = None if entry.cause is None else events[entry.cause]
            assert event.parent_position == (cause.position if cause else None)
            assert event.caused_by.endswith("Machine.react") == (cause is not None)
