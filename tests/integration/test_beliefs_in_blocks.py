"""What an object believes of its row follows every savepoint that is rolled back, however deep."""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signal_log.capture.model import loaded
from tests.log import recorded
from tests.shop.models import Category, Thing

pytestmark = pytest.mark.django_db(transaction=True)

numbers = itertools.count()
saves = st.tuples(st.just("save"), st.sampled_from("ab"), st.integers(0, 3))
steps = st.recursive(
    saves,
    lambda inner: st.tuples(
        st.sampled_from(["block", "sql", "inner"]), st.lists(inner, max_size=5), st.booleans()
    ),
    max_leaves=12,
)  # fmt: skip


class Program:
    """Runs steps on two objects of one row, beside what each of them has seen."""

    def __init__(self) -> None:
        thing = Thing.objects.create(name=f"x{next(numbers)}", qty=0)
        self.objects = {name: Thing.objects.get(pk=thing.pk) for name in "ab"}
        self.state: dict[str, int] = dict.fromkeys("ab", 0) | {"row": 0}
        self.depth = 0
        self.told: list[tuple[Any, list[str]]] = []

    def run(self, program: list) -> None:
        for kind, what, how in program:
            if kind == "save":
                self.save(what, how)
            else:
                self.block(kind, what, undone=how)

    def save(self, which: str, qty: int) -> None:
        self.objects[which].qty = qty
        self.objects[which].save()
        row, seen = self.state["row"], self.state[which]
        self.told.append(({} if row == qty else {"qty": [row, qty]}, ["qty"] if seen != row != qty else []))
        self.state["row"] = self.state[which] = qty

    def block(self, kind: str, body: list, *, undone: bool) -> None:
        before = dict(self.state)
        if kind == "sql" and connection.in_atomic_block:
            self.depth += 1
            name = f"own_{self.depth}"
            self.sql(f"SAVEPOINT {name}")
            self.run(body)
            self.sql(f"ROLLBACK TO {name}" if undone else f"RELEASE {name}")
        else:
            with transaction.atomic(savepoint=kind != "inner" or undone):
                self.run(body)
                transaction.set_rollback(undone)
        if undone:
            self.state = before

    def sql(self, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=4))
def test_random_savepoints(program):
    """Each event tells what the row held, and whether its writer had seen that."""
    machine = Program()
    with recorded() as events, transaction.atomic():
        machine.run(program)
        assert Thing.objects.get(pk=machine.objects["a"].pk).qty == machine.state["row"]
    for name in "ab":
        machine.save(name, 9 + (name == "b"))
    with recorded() as last:
        machine.save("a", 20)
    found = [(e.changes, e.overwrote) for e in events + last if e.signal == "post_save"]
    assert found[:-1] == machine.told[: len(found) - 1]
    assert found[-1] == machine.told[-1] == ({"qty": [10, 20]}, ["qty"])


def test_an_object_is_copied_in_the_middle_of_a_block():
    """Pickling and copying work as without the app, and a copy goes on with what was seen."""
    with recorded() as events, transaction.atomic():
        thing = Thing.objects.create(name="x", qty=1)
        for each in (pickle.loads(pickle.dumps(thing)), copy.deepcopy(thing)):  # noqa: S301  our own
            each.qty += 1
            each.save()
            each.qty -= 1
            each.save()
    assert [e.overwrote for e in events if e.signal == "post_save"] == [[]] * 5


def test_a_change_of_which_no_event_is_kept_is_undone(monkeypatch):
    """A huge transaction forgets some of its events, but not what became of them."""
    monkeypatch.setattr("signal_log.capture.transaction.held.MAX_UNWRITTEN", 4)
    monkeypatch.setattr("signal_log.capture.transaction.buffer.MAX_KEPT", 4)
    category = Category.objects.create(name="before")
    with pytest.raises(KeyError), transaction.atomic():
        for name in "abcdef":
            category.name = name
            category.save()
        raise KeyError
    with recorded() as events:
        category.name = "after"
        category.save()
    assert (events[-1].changes, events[-1].overwrote) == ({"name": ["before", "after"]}, [])


def test_the_memory_of_an_object_is_bounded():
    """Each savepoint may bring another belief back; the first and the latest are kept."""
    with transaction.atomic():
        thing = Thing.objects.create(name="x", qty=0)
        for qty in range(100):
            with transaction.atomic():
                thing.qty = qty
                thing.save()
    stored: Any = vars(thing._state)[loaded.LOADED]
    depth = 0
    while isinstance(stored, loaded.Stored):
        depth, stored = depth + 1, stored.before
    assert 3 < depth <= loaded.MOST_OPEN
