"""What an object has written or loaded by other ways than a save counts as seen, and only that."""

from __future__ import annotations

import copy
import pickle

import pytest
from django.db import transaction

from signal_log.capture.model import loaded
from signal_log.capture.model.plan import Plan
from tests.integration.actual import save
from tests.shop.models import Book, Item

pytestmark = pytest.mark.django_db(transaction=True)


def undone(act) -> Item:
    """An item that somebody changes in a block which is rolled back."""
    item = Item.objects.get(pk=Item.objects.create(stock=1).pk)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        act(item)
        raise ZeroDivisionError
    return item


def test_what_a_rollback_takes_back():
    """After it, the row holds again what the object had loaded, and the object has seen that."""

    def in_bulk(item):
        item.stock = 5
        Item.objects.bulk_update([item], ["stock"])

    def read_again(item):
        save(item, stock=5)
        item.refresh_from_db()

    for act in (in_bulk, read_again):
        assert save(undone(act), stock=7).overwrote == []


def test_bulk_create():
    """It knows the rows that it made; but not those that may stand in their place."""
    (item,) = Item.objects.bulk_create([Item(stock=1)])
    assert save(item, stock=2).overwrote == []
    made = Item.objects.bulk_create([Item(pk=item.pk, stock=9)], ignore_conflicts=True)
    assert "stock" in save(made[0], stock=3).overwrote


def test_fields_from_a_generator():
    """``refresh_from_db(fields=...)`` is passed on as a list, for Django reads it, too."""
    item = Item.objects.create(stock=1)
    Item.objects.update(stock=2, name="z")
    item.refresh_from_db(fields=(name for name in ["stock"]))
    assert (item.stock, item.name) == (2, "thing")
    event = save(item, stock=3)
    assert (event.changes["stock"], event.overwrote) == ([2, 3], ["name"])


def test_a_child_of_a_row_that_was_there():
    """Where there was no row there is nothing to overwrite."""
    item = Item.objects.create(stock=1)
    book = Book(item_ptr=item)
    book.__dict__.update({name: value for name, value in item.__dict__.items() if not name.startswith("_")})
    assert save(book).overwrote == ["changed_at"]  # of the parent's row, which the child had not read


def test_an_object_that_from_db_returns_again():
    """With an identity map, the discarded object's values were never shown by the one that is kept."""
    kept = Item.objects.create(stock=1)
    wrapped = loaded.from_db(Plan(Item), lambda *_: kept)
    names = [field.attname for field in Item._meta.concrete_fields]
    Item.objects.update(stock=2)
    wrapped(Item, "default", names, [getattr(Item.objects.get(), name) for name in names])
    assert save(kept, stock=3).overwrote == ["stock"]


def pickled(item: Item) -> Item:
    """Pickle an object, as a cache does, and read it again."""
    return pickle.loads(pickle.dumps(item))  # noqa: S301  our own


@pytest.mark.parametrize("copied", [pickled, copy.copy, copy.deepcopy])
def test_pickled_and_copied(copied):
    """A pickled object is read where this app is not installed, and knows its row; so does a copy."""
    saved = Item.objects.create(stock=1)
    loaded_again = Item.objects.get(pk=Item.objects.create(stock=1).pk)
    for item in (saved, loaded_again):
        assert b"signal_log." not in pickle.dumps(item)
        assert save(copied(item), stock=2).overwrote == []


def test_pickled_after_a_rollback():
    """What was undone is not taken along."""
    item = undone(lambda item: save(item, stock=5))
    assert save(pickled(item), stock=7).overwrote == []
