"""An object has seen its row in less common ways, too: nothing is said to be overwritten that it knew."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

import pytest
from django.db import connection, models, transaction
from django.test.utils import isolate_apps

import signal_log
from signal_log.capture.faults import faults
from tests.integration.actual import pair, post, save, shop_model, table
from tests.log import recorded
from tests.shop.models import Book, Category, Gadget, Item, Thing, Valued

pytestmark = pytest.mark.django_db(transaction=True)


class LoudField(models.CharField):
    """Is read in capitals, as geometries are read in another format than they are written."""

    def select_format(self, compiler, sql, params):
        """Have the database convert it."""
        return f"UPPER({sql})", params


@isolate_apps("tests.shop")
def test_a_field_that_is_read_through_a_function():
    """What the function makes of a value that the object has written is not somebody else's change."""

    class Shout(models.Model):
        word = LoudField(max_length=9)
        number = models.IntegerField(default=0)

        class Meta:
            app_label = "shop"

    with table(Shout):
        shout = Shout.objects.create(word="a")
        assert (save(shout, number=1).changes, save(shout, number=2).overwrote) == ({"number": [0, 1]}, [])
        event = save(shout, word="b")
        assert (event.changes, event.overwrote) == ({"word": ["A", "B"]}, [])
        assert save(shout, word="c").overwrote == []
        Shout.objects.update(word="z")
        assert save(shout, word="d").overwrote == ["word"]


def test_a_parent_that_was_made_from_its_child():
    """Django makes the parent's object from the values of the child, which had been loaded."""
    Gadget.objects.create(name="a", qty=1, watts=5)
    gadget = Gadget.objects.get()
    gadget.qty = 2  # in memory only
    parent = gadget.thing_ptr
    assert type(parent) is Thing
    event = save(parent, name="b")
    assert (event.changes, event.overwrote) == ({"name": ["a", "b"], "qty": [1, 2]}, [])
    parent = Gadget.objects.get().thing_ptr
    Thing.objects.update(qty=7)
    event = save(parent, qty=8)
    assert (event.changes, event.overwrote) == ({"qty": [7, 8]}, ["qty"])
    deferred = Gadget.objects.only("watts").get().thing_ptr
    assert save(deferred, qty=9).overwrote == []


def test_a_parent_and_a_grandchild_are_deleted():
    """Its row is told with what the child had seen of it, and with what it had not."""
    Book.objects.create(category=Category.objects.create(name="a"), name="x", pages=10)
    book = Book.objects.get()
    Book.objects.update(name="y")
    with recorded() as events:
        book.delete()
    assert {e.sender: e.overwrote for e in events if e.signal == "post_delete"} == {
        "shop.Book": ["name"],
        "shop.Item": ["name"],
    }


@isolate_apps("tests.shop")
def test_a_row_that_is_nothing_but_a_key(monkeypatch):
    """Django saves it without a statement, so that nothing changes, and nothing is said to be unreadable."""
    monkeypatch.setattr(faults, "untold_models", {})

    class Key(models.Model):
        class Meta:
            app_label = "shop"

    with table(Key):
        key = Key.objects.create()
        for each in (key, Key.objects.get(), Key(pk=key.pk)):
            event = post(each.save)
            assert (event.created, event.changes, event.overwrote) == (False, {}, [])
        assert post(Key(pk=99).save).changes == {"id": [None, 99]}
    assert faults.untold_models == {}


@pytest.mark.parametrize("number", [1e300, 1e16, 1e-300, -1e22, 12345678.5, 2**60])
def test_a_large_number_in_json(number):
    """PostgreSQL gives a large float back as an integer: it is told as one and the same number."""
    valued = Valued(data={"n": [number]})
    before, after = pair(valued.save)
    assert after.changes["data"] == before.changes["data"]
    event = save(valued, data={"n": [number], "more": 1})
    assert (event.overwrote, event.changes["data"][0]) == ([], before.changes["data"][1])
    assert save(Valued.objects.get(), data=[1]).overwrote == []


def test_whole_numbers_in_a_column_of_floats():
    """SQLite returns what it was given, and holds something else."""
    item = Item.objects.create(name="a", weight=2)
    with recorded() as events, signal_log.observed_bulk():
        Item.objects.bulk_create([Item(name="b", weight=3)])
        Item.objects.filter(pk=item.pk).update(weight=4)
    assert [e.changes["weight"] for e in events] == [[None, "3.0"], ["2.0", "4.0"]]


@pytest.mark.postgresql
def test_a_pipeline():
    """In psycopg's pipeline mode each message holds one statement, and no transaction of ours begins."""
    category = Category.objects.create(name="a")  # its table is known on this connection from now on
    with recorded() as events, connection.connection.pipeline():
        Category.objects.create(name="b")
        category.delete()
    with recorded() as many, connection.connection.pipeline(), transaction.atomic():
        for name in "cdefgh":
            Category.objects.create(name=name)
    assert [e.outcome for e in many] == ["committed"] * 12
    events = [e for e in events if e.sender == "shop.Category"]
    assert [(e.signal, e.outcome, e.overwrote) for e in events] == [
        ("pre_save", "committed", None),
        ("post_save", "committed", []),
        ("pre_delete", "committed", None),
        ("post_delete", "committed", []),
    ]
    assert events[1].changes["name"] == [None, "b"]
    assert [each.name for each in Category.objects.all()] == list("bcdefgh")


@isolate_apps("tests.shop")
def test_a_key_that_the_database_spells_otherwise():
    """A deleted row is found by what its key means, not by how it is written."""
    keys = {
        "Priced": (models.DecimalField(max_digits=6, decimal_places=2, primary_key=True), Decimal("1.5")),
        "Hashed": (models.BinaryField(primary_key=True), b"\x00\xff"),
    }
    for name, (field, key) in keys.items():
        model = shop_model(name, id=field, word=models.CharField(max_length=9))
        with table(model):
            model.objects.create(id=key, word="a")
            event = post(model(id=key).delete)
            assert event.changes["word"] == ["a", None]


class Colour(str, Enum):  # noqa: UP042  a StrEnum is its value
    """Of which ``str()`` is not its value."""

    RED = "red"


@isolate_apps("tests.shop")
def test_a_row_has_one_key_however_the_host_spells_it():
    """The log tells a row's key as the row does, before and after it is saved, loaded and deleted."""
    keys = {
        "Counted": (models.BigIntegerField(primary_key=True), "007", "7"),
        "Unique": (models.UUIDField(primary_key=True), "0000000000000000000000000000ABCD", None),
        "Coloured": (models.CharField(max_length=9, primary_key=True), Colour.RED, "red"),
        "Reached": (models.GenericIPAddressField(primary_key=True), "2001:DB8::1", "2001:db8::1"),
        "Weighed": (models.DecimalField(max_digits=6, decimal_places=2, primary_key=True), Decimal("1.5"), "1.50"),
    }
    for name, (field, key, told) in keys.items():
        model = shop_model(name, id=field)
        with table(model), recorded() as events:
            model.objects.create(id=key)
            model.objects.get().delete()
        assert {event.object_pk for event in events} == {told or "00000000-0000-0000-0000-00000000abcd"}
