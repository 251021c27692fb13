"""What the host's own code does right after a statement, in the middle of a save or around a silent write (G4, G2)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from signal_log.capture.model.registry import plan_of
from tests.integration import acts
from tests.integration.twice import Host, both_ways, compare
from tests.log import lines, recorded
from tests.shop.fields import GramsField
from tests.shop.models import Category, Note, Patient, Thing, ThingByHand

pytestmark = pytest.mark.django_db(transaction=True)
ACTS = [
    acts.swallow_an_error_of_the_database,
    acts.swallow_it_outside_a_block,
    acts.raise_an_exception,
    acts.look_for_it_in_a_thread,
    acts.write_in_a_thread,
    acts.register_a_hook,
    acts.open_a_block,
    acts.open_a_durable_block,
    acts.update_the_row,
]
COMMITTED = ("committed", 1)


@pytest.fixture(autouse=True)
def as_defined() -> Iterator[None]:
    """Have the model do what Django does again after each test."""
    yield
    ThingByHand.around.clear()


def after(act: Callable[[], Any]) -> Callable[..., Any]:
    """Return what calls through and then acts."""

    def around(thing: Thing, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        act()
        return result

    return around


@both_ways
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_the_host_acts_after_the_statement(act, block):
    """A method of the model's or its querysets', or a wrapper of statements, finds the row committed."""

    def program(host: Host) -> None:
        mine = Thing(name="mine")
        now: Callable[..., Any] = after(lambda: act(host, mine))
        host.step(lambda: Thing.objects.create(name="taken"))
        for method in ("_do_insert", "_do_update"):
            ThingByHand.around[method] = now
        host.step(lambda: ThingByHand(name="mine").save())
        host.step(lambda: ThingByHand(pk=50, name="mine with a key").save())
        host.step(lambda: ThingByHand.objects.get(name="mine").save())
        ThingByHand.around.clear()
        update = models.QuerySet._update

        def _update(self: Any, values: Any) -> int:
            return update(self, values) if self.model is not Thing else now(mine, update, self, values)

        with mock.patch.object(models.QuerySet, "_update", _update):
            host.step(lambda: Thing.objects.get(name="taken").save())
        busy: list[bool] = []

        def wrapper(execute: Any, sql: str, *args: Any) -> Any:
            if busy or "shop_thing" not in sql or sql.startswith("SELECT"):
                return execute(sql, *args)
            busy.append(True)
            try:
                return now(mine, execute, sql, *args)
            finally:
                busy.clear()

        def by_sql() -> int:
            with connection.cursor() as cursor:
                return cursor.execute("UPDATE shop_thing SET qty = qty + 1 WHERE name = %s", ["taken"]).rowcount

        with connection.execute_wrapper(wrapper):
            if connection.vendor == "postgresql":  # on SQLite, an INSERT whose key is not fetched bars the COMMIT
                host.step(lambda: Thing(name="wrapped").save())
            host.step(lambda: Thing.objects.get(name="taken").save())
            host.step(lambda: Thing.objects.filter(name="taken").update(qty=F("qty") + 1))
            host.step(by_sql)
            host.step(lambda: Thing.objects.filter(name="nobody").update(qty=1))

    compare(program, block=block)


def test_the_row_stands_with_its_events_when_the_host_raises_afterwards():
    """In autocommit the statement is committed, so both events are; Python alone sees the save fail."""

    def fail(thing: Thing, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        original(*args, **kwargs)
        raise DatabaseError("not like this")

    ThingByHand.around["_do_insert"] = ThingByHand.around["_do_update"] = fail
    thing = ThingByHand(name="a")
    with recorded() as events, pytest.raises(DatabaseError):
        thing.save()
    found = Thing.objects.get(name="a")
    assert thing.pk is None
    assert {(e.outcome, e.error) for e in events} == {("committed", "")}
    assert lines(events, "created", "object_repr") == [
        ("pre_save", "shop.ThingByHand", None, events[0].object_repr),
        ("post_save", "shop.ThingByHand", True, str(found)),
    ]
    assert events[1].object_pk == str(found.pk)
    assert events[1].changes["id"] == [None, found.pk]
    thing = ThingByHand.objects.get(pk=found.pk)
    thing.name = "b"
    with recorded() as events, pytest.raises(DatabaseError):
        thing.save()
    assert Thing.objects.get(pk=found.pk).name == "b"
    assert [(e.outcome, e.changes["name"]) for e in events] == [("committed", ["a", "b"])] * 2


def test_what_else_a_method_writes_to_the_table():
    """Other rows that are updated before the row's own, and the row's own after it, are silent writes."""
    first, mine = Thing.objects.create(name="first", qty=1), ThingByHand.objects.create(name="mine", qty=1)

    def around(thing: Thing, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        Thing.objects.filter(pk=first.pk).update(qty=5)
        result = original(*args, **kwargs)
        Thing.objects.filter(pk=thing.pk).update(qty=7)
        return result

    ThingByHand.around["_do_update"] = around
    mine.qty = 6
    with recorded() as events:
        mine.save()
    post, silent = events[1:]
    assert (post.signal, post.changes["qty"], post.overwrote) == ("post_save", [1, 6], [])
    assert (silent.signal, silent.changes) == ("silent_update", {"qty": [None, 7]})
    assert list(Thing.objects.order_by("pk").values_list("qty", flat=True)) == [5, 7]


def test_a_statement_that_fails_and_is_tried_again():
    """Each try is in a transaction of its own, and the one that succeeds has the events."""
    Thing.objects.create(name="taken")

    def again(thing: Thing, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except DatabaseError:
            Note.objects.create(text="tried")
            thing.name = "free"
            return original(*args, **kwargs)

    ThingByHand.around["_do_insert"] = again
    with recorded() as events:
        ThingByHand(name="taken").save()
    assert [(e.signal, e.outcome) for e in events] == [("pre_save", "committed"), ("post_save", "committed")]
    assert events[1].changes["name"] == [None, "free"]
    assert events[1].overwrote == []


def test_wrappers_that_change_what_runs():
    """A silent write is recorded as often as it succeeds: with a comment, twice, in a block, after an error."""
    Category.objects.create(name="a")

    def told(change: Callable[..., Any]) -> list[tuple[str, Any]]:
        def wrapper(execute: Any, sql: str, params: Any, *args: Any) -> Any:
            def run(more: str = "") -> Any:
                return execute(sql + more, params, *args)

            return change(run) if sql.startswith("UPDATE") else run()

        with recorded() as events, connection.execute_wrapper(wrapper):
            Category.objects.update(name="b")
        assert not connection.in_atomic_block
        return [(e.outcome, e.origin["rows"]) for e in events]

    def after_an_error(run: Callable[..., Any]) -> Any:
        with contextlib.suppress(DatabaseError):
            run(", no_such_column = 1")
        Note.objects.create(text="tried")
        return run()

    def swallow(run: Callable[..., Any]) -> Any:
        with contextlib.suppress(DatabaseError):
            run(", no_such_column = 1")

    assert told(lambda run: run(" /* the host's */")) == told(transaction.atomic(lambda run: run())) == [COMMITTED]
    assert told(lambda run: (run(), run())[1]) == [COMMITTED] * 2
    assert told(after_an_error) == [COMMITTED]
    assert told(swallow) == [("failed", 0)]
    assert Category.objects.get().name == "b"


def ask(field: models.Field, value: Any, expression: Any, connection: Any) -> Any:
    """Ask the database, as a field does that looks up a key."""
    Note.objects.count()
    return value


def swallow(field: models.Field, value: Any, expression: Any, connection: Any) -> Any:
    """Make nothing of a table that is not there."""
    with contextlib.suppress(DatabaseError):
        connection.cursor().execute("SELECT 1 FROM not_there")
    return value


def begin(field: models.Field, value: Any, expression: Any, connection: Any) -> Any:
    """Begin a block."""
    with transaction.atomic():
        return value


@pytest.mark.parametrize("convert", [ask, swallow, begin], ids=lambda convert: convert.__name__)
def test_a_conversion_that_asks_the_database(convert):
    """It is not asked where the host would not: the event tells what is stored, and no statement is the host's."""
    with mock.patch.object(GramsField, "from_db_value", convert):
        plan_of(Patient).readers.clear()
        try:
            patient = Patient(name="ada", weight=60)
            with CaptureQueriesContext(connection) as queries, recorded() as events:
                patient.save()
                patient.weight = 61
                patient.save()
            told = [query["sql"] for query in queries if "signal_log" not in query["sql"]]
            with transaction.atomic(), recorded() as more:
                patient.weight = 62
                patient.save()
        finally:
            plan_of(Patient).readers.clear()
    assert [sql.split()[0] for sql in told] == ["INSERT", "UPDATE"]
    posts = [e for e in (*events, *more) if e.signal == "post_save"]
    assert [e.changes["weight"] for e in posts] == [[None, 60_000], [60_000, 61_000], [61_000, 62_000]]
    assert {e.error for e in posts} == {""}
