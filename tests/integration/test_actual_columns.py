"""Values are told as the row holds them: rounded, parsed, defaulted, computed or changed by a trigger (G11)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, connections, models, transaction
from django.db.models import F
from django.test.utils import isolate_apps
from django.utils.dateparse import parse_datetime

from signal_log.capture.model.actual_row import reader_of
from signal_log.capture.model.registry import plan_of
from tests.integration.actual import pair, post, save, table
from tests.shop.models import Category, Label, Thing, Valued

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
GIVEN = [
    ("price", "1.50", "1.50"),
    ("price", 1.5, "1.50"),
    ("price", Decimal("1.5"), "1.50"),
    ("sold_on", "2026-01-02", "2026-01-02"),
    ("sold_on", datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02"),
    ("number", NUMBER, NUMBER),
    ("number", NUMBER.replace("-", "").upper(), NUMBER),
    ("number", uuid.UUID(NUMBER), NUMBER),
    ("data", (1, (2, 3)), [1, [2, 3]]),
    ("data", {1: "a"}, {"1": "a"}),
    ("qty", "5", 5),
    ("qty", Decimal(5), 5),
    ("flag", 1, True),
    ("flag", True, True),
    ("qty", True, 1),
    ("lasts", timedelta(hours=1), "1:00:00"),
]


@pytest.mark.parametrize(("name", "given", "held"), GIVEN)
def test_a_value_in_another_form(name, given, held):
    """The row's value is told, whatever the instance was given, and there is no change in writing it again."""
    valued = Valued()
    event = save(valued, **{name: given})
    assert event.changes[name] == [None, held]
    assert type(event.changes[name][1]) is type(held)  # 1 is not True
    assert save(valued).changes == {}
    again = Valued.objects.get()
    event = save(again, **{name: given})
    assert (event.changes, event.overwrote) == ({}, [])


def test_an_object_that_only_has_the_key_of_a_row():
    """Whoever makes an object anew has not seen the row, even where it held nothing."""
    label, category = Label.objects.create(), Category.objects.create(name="a")
    event = save(Label(pk=label.pk), category=category)
    assert (event.created, event.changes) == (False, {"category": [None, category.pk]})
    assert event.overwrote == ["category"]


@pytest.mark.parametrize("given", ["2.675", "2.665", "-2.675", "1e2", 2.675])
def test_a_number_that_the_database_rounds(given):
    """Databases round differently; what the row got is told, and that it was not what was given is no change later."""
    valued = Valued()
    event = save(valued, price=Decimal(given))
    row = str(Valued.objects.get().price)
    assert event.changes["price"] == [None, row]
    assert save(valued).changes == {}
    event = save(Valued.objects.get(), price=Decimal(0))
    assert (event.changes, event.overwrote) == ({"price": [row, "0.00"]}, [])


def test_a_time_given_as_text():
    """A moment is told as the row holds it."""
    valued = Valued()
    event = save(valued, sold_at="2026-01-02T03:04:05+02:00")
    told = datetime.fromisoformat(event.changes["sold_at"][1])
    assert told == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert save(valued).changes == {}
    assert save(Valued.objects.get()).changes == {}


@pytest.mark.postgresql
def test_the_hour_that_a_clock_shows_twice(monkeypatch):
    """In a database with a zone of its own, moments are compared as such, not by what the clock shows."""
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    monkeypatch.setitem(connection.settings_dict, "TIME_ZONE", "Europe/Berlin")
    plan_of(Valued).readers.clear()

    def anew() -> None:
        connection.close()
        connection.close_pool()
        for name in ("timezone", "timezone_name"):
            connections["default"].__dict__.pop(name, None)

    anew()
    try:
        Valued.objects.create(sold_at=first)
        told = []
        local = ZoneInfo("Europe/Berlin")
        for given in (second, first, first.astimezone(local), second.astimezone(local)):
            valued = Valued.objects.get()
            assert str(valued.sold_at.tzinfo) == "Europe/Berlin"
            valued.sold_at = given
            before, event = pair(valued.save)
            assert before.changes == event.changes
            told.append((event.changes.get("sold_at"), event.overwrote))
        a, b = first.isoformat(), second.isoformat()
        assert told == [([a, b], []), ([b, a], []), (None, []), ([a, b], [])]
        with transaction.atomic():
            Valued.objects.update(sold_at=first)
            assert save(valued, sold_at=second).overwrote == ["sold_at"]
        Valued.objects.update(sold_at=first)
        assert post(valued.delete).overwrote == ["sold_at"]
    finally:
        monkeypatch.undo()
        anew()
        plan_of(Valued).readers.clear()


@pytest.mark.one_database
@pytest.mark.parametrize("zone", [None, "Asia/Kolkata", "UTC"])
@pytest.mark.parametrize(
    "raw",
    ["2026-01-02 03:04:05.678901", "2026-01-02 03:04:05", "2026-01-02", "2026-01-02 3:04", "2026-01-02T03:04:05+02:00",
     "2026-01-02 03:04:05.6Z", "soon", 1767322800, None],
)  # fmt: skip
def test_a_moment_is_read_as_django_reads_it(zone, raw, monkeypatch):
    """Whatever SQLite holds in the column, and whichever zone the host gave its database."""
    monkeypatch.setattr(connection, "timezone", connection.timezone if zone is None else ZoneInfo(zone))
    field = Valued._meta.get_field("sold_at")
    decoded = None if raw is None else parse_datetime(str(raw))
    expected = connection.ops.convert_datetimefield_value(decoded, None, connection)
    reader = reader_of(plan_of(Valued), connection)
    found = reader.value(reader.at[field.attname], raw, connection)
    assert (found, getattr(found, "tzinfo", None)) == (expected, getattr(expected, "tzinfo", None))


def test_bytes():
    """Bytes and views of them are compared by what they hold."""
    valued = Valued.objects.create(blob=b"abc")
    assert save(valued, blob=memoryview(b"abc")).changes == {}
    assert save(Valued.objects.get(), blob=bytearray(b"abc")).changes == {}
    event = save(Valued.objects.get(), blob=memoryview(b"abd"))
    old, new = event.changes["blob"]
    assert old != new
    assert event.overwrote == []
    assert not any("memory at" in str(value) for value in (old, new))


def test_a_default_of_the_database():
    """The value that the database chose is told, and so is the next one."""
    event = post(Valued().save)
    assert event.changes["state"] == [None, "new"]
    event = save(Valued.objects.get(), state="old")
    assert (event.changes, event.overwrote) == ({"state": ["new", "old"]}, [])


def test_a_generated_column():
    """It follows the columns that it is made of."""
    valued = Valued()
    event = save(valued, qty=3)
    assert event.changes["twice"] == [None, 6]
    event = save(valued, qty=4)
    assert event.changes == {"qty": [3, 4], "twice": [6, 8]}
    event = save(Valued.objects.get(), qty=F("qty") + 1)
    assert (event.changes, event.overwrote) == ({"qty": [4, 5], "twice": [8, 10]}, [])
    valued = Valued.objects.get()
    valued.qty = 9
    event = post(lambda: valued.save(update_fields=["qty"]))
    assert event.changes == {"qty": [5, 9], "twice": [10, 18]}


@contextmanager
def trigger(when: str, sqlite: str, postgres: str) -> Iterator[None]:
    """Have a trigger on the things' table."""
    create = (
        [f"CREATE TRIGGER hosts {when} ON shop_thing BEGIN {sqlite} END"]
        if connection.vendor == "sqlite"
        else [
            f"CREATE FUNCTION hosts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {postgres} END $$",
            f"CREATE TRIGGER hosts {when} ON shop_thing FOR EACH ROW EXECUTE FUNCTION hosts()",
        ]
    )
    drop = "DROP TRIGGER hosts" if connection.vendor == "sqlite" else "DROP FUNCTION hosts CASCADE"
    with connection.cursor() as cursor:
        for statement in create:
            cursor.execute(statement)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(drop)


AFTER = "UPDATE shop_thing SET name = upper(NEW.name) WHERE id = NEW.id AND name <> upper(NEW.name);"


def test_a_column_that_a_trigger_changes_afterwards():
    """What an AFTER trigger made of the row is told, though the statement itself does not return it."""
    with trigger("AFTER INSERT", AFTER, AFTER + " RETURN NULL;"):
        assert post(Thing(name="a").save).changes["name"] == [None, "A"]
    with trigger("AFTER UPDATE", AFTER, AFTER + " RETURN NULL;"):
        event = save(Thing.objects.get(), name="b")
        assert (event.changes, event.overwrote) == ({"name": ["A", "B"]}, [])


@pytest.mark.postgresql
def test_a_column_that_a_trigger_changes_before():
    """What a BEFORE trigger made of the row is told."""
    with trigger("BEFORE INSERT OR UPDATE", "", "NEW.name = upper(NEW.name); RETURN NEW;"):
        thing = Thing(name="a")
        assert save(thing).changes["name"] == [None, "A"]
        event = save(thing, name="b")
        assert event.changes == {"name": ["A", "B"]}
        event = save(Thing.objects.get(), name="b")
        assert event.changes == {}


@isolate_apps("tests.shop")
@pytest.mark.postgresql
def test_ranges_and_arrays():
    """PostgreSQL's own types: a discrete range is told in the form that the database gives it."""
    from django.contrib.postgres.fields import ArrayField, IntegerRangeField
    from django.db.backends.postgresql.psycopg_any import NumericRange

    class Ranged(models.Model):
        seats = IntegerRangeField(null=True)
        marks = ArrayField(models.IntegerField(), default=list)

        class Meta:
            app_label = "shop"

    with table(Ranged):
        ranged = Ranged(seats=(1, 5), marks=(1, 2))
        event = save(ranged)
        assert event.changes["marks"] == [None, [1, 2]]
        assert save(ranged).changes == {}
        assert save(Ranged.objects.get()).changes == {}
        assert save(Ranged.objects.get(), seats=NumericRange(1, 4, "[]")).changes == {}
        event = save(Ranged.objects.get(), seats=NumericRange(1, 6, "(]"), marks=[1, 2, 3])
        assert event.changes["marks"] == [[1, 2], [1, 2, 3]]
        old, new = event.changes["seats"]
        assert ("1" in str(old), "7" in str(new), event.overwrote) == (True, True, [])
