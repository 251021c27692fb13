"""Deletes, children of other tables, fixtures, proxies and signals sent by hand tell the row, too (G11)."""

from __future__ import annotations

import pytest
from django.core import serializers
from django.db.models.signals import post_save

from tests.integration.actual import pair, post, save
from tests.log import recorded
from tests.shop.models import Category, Gadget, Item, Reticent, Thing, ThingOnTheSide

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("autocommit_and_block")]


@pytest.fixture
def thing(autocommit_and_block):
    """A row with a name and a number."""
    return Thing.objects.create(name="x", qty=7)


def get() -> Thing:
    """Load the row."""
    return Thing.objects.get()


def test_the_delete_of_a_stale_instance(thing):
    """A delete tells the row that went, and what of it its writer had not seen."""
    a = get()
    Thing.objects.update(qty=9)
    pre, event = pair(a.delete)
    assert pre.changes["qty"] == [7, None]
    assert event.changes == {"id": [thing.pk, None], "name": ["x", None], "qty": [9, None], "hooked": [0, None]}
    assert event.overwrote == ["qty"]


def test_the_delete_of_a_queryset(thing):
    """Its rows were loaded for it."""
    event = post(Thing.objects.all().delete)
    assert (event.changes["qty"], event.overwrote) == ([7, None], [])


def test_the_delete_of_an_object_with_a_deferred_column():
    """A value that is set but never saved is not in the row that goes."""
    Reticent.objects.create(name="a", text="kept")
    a = Reticent.objects.get()
    a.text = "never saved"
    pre, event = pair(a.delete)
    assert event.changes["text"] == ["kept", None]
    assert event.overwrote == ["text"]
    assert pre.changes["text"][1] is None


def test_a_multi_table_child():
    """A save and a delete of a child tell the columns of both tables."""
    event = post(lambda: Gadget.objects.create(name="g", qty=2))
    assert (event.changes["name"], event.changes["watts"]) == ([None, "g"], [None, 1])
    gadget = Gadget.objects.get()
    Thing.objects.update(qty=3)
    event = save(gadget, watts=5)
    assert (event.changes, event.overwrote) == ({"qty": [3, 2], "watts": [1, 5]}, ["qty"])
    with recorded() as events:
        gadget.delete()
    gone = next(event for event in events if (event.signal, event.sender) == ("post_delete", "shop.Gadget"))
    assert (gone.changes["watts"], gone.changes["qty"]) == ([5, None], [2, None])


def test_a_fixture_of_a_multi_table_child():
    """It tells its own columns, and nothing when it is loaded again."""
    gadget = Gadget.objects.create(name="g", watts=5)
    fixture = serializers.serialize("json", [gadget])
    Gadget.objects.filter(pk=gadget.pk)._raw_delete("default")

    def load() -> None:
        for child in serializers.deserialize("json", fixture):
            child.save()

    event = post(load)
    assert event.raw
    assert event.changes == {"thing_ptr": [None, gadget.pk], "watts": [None, 5]}
    assert post(load).changes == {}


def test_a_fixture_that_replaces_a_row(thing):
    """The old values of a raw save are those of the row."""
    fixture = serializers.serialize("json", [Thing(pk=thing.pk, name="y", qty=7)])
    event = post(lambda: [loaded.save() for loaded in serializers.deserialize("json", fixture)])
    assert (event.changes, event.overwrote) == ({"name": ["x", "y"]}, ["name"])


def test_a_proxy(thing):
    """A proxy's row is its model's."""
    a = ThingOnTheSide.objects.get()
    Thing.objects.update(qty=9)
    event = save(a, qty=6)
    assert (event.changes, event.overwrote) == ({"qty": [9, 6]}, ["qty"])


def test_get_or_create_and_update_or_create():
    """Both tell the row; `update_or_create` has just read it."""
    Category.objects.create(name="a")
    with recorded() as events:
        Category.objects.get_or_create(name="a")
    assert events == []
    Thing.objects.create(name="x", qty=7)
    event = post(lambda: Thing.objects.update_or_create(name="x", defaults={"qty": 8}))
    assert (event.changes, event.overwrote) == ({"qty": [7, 8]}, [])


def test_a_signal_sent_by_hand(thing):
    """Differences to the row are told, and that nothing was written."""
    a = get()
    a.qty = 6
    with recorded() as events:
        post_save.send(sender=Thing, instance=a, created=False, raw=False, using="default", update_fields=None)
    (event,) = events
    assert event.changes == {"qty": [7, 6]}
    assert get().qty == 7


@pytest.mark.parametrize(("one", "other"), [([1], [True]), ({"n": 0}, {"n": False}), ({"n": [1]}, {"n": [1.0]})])
def test_what_python_takes_for_equal_inside_json(one, other):
    """It is another value: a change, and one that a stale object has not seen."""
    item = Item.objects.create(tags=one)
    stale = Item.objects.get()
    assert "tags" in save(item, tags=other).changes
    assert "tags" in save(stale, tags=[]).overwrote
    assert "tags" not in save(stale, name="y").changes
