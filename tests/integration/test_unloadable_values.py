"""A row with a value that its driver cannot load: what the host does without reading it works, and is recorded."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from django.db import connection, transaction

from tests.log import recorded
from tests.shop.models import Item

pytestmark = pytest.mark.django_db(transaction=True)

UNLOADABLE = {
    "sqlite": "UPDATE shop_item SET picture = CAST(x'ff' AS TEXT)",  # no UTF-8
    "postgresql": "UPDATE shop_item SET sold_on = 'infinity'",
}


@pytest.fixture(params=[False, True], ids=["autocommit", "block"])
def block(request):
    """The host's block, or none."""
    return transaction.atomic if request.param else nullcontext


@pytest.fixture
def item():
    """An item, of which only what can be loaded is loaded."""
    Item.objects.create()
    with connection.cursor() as cursor:
        cursor.execute(UNLOADABLE[connection.vendor])
    return Item.objects.only("name", "stock").get()


def test_a_save(item, block):
    """Of some fields, of those that are loaded, and on a connection that has just been opened."""
    for fresh in (False, True):
        if fresh:
            connection.close()
        with recorded() as events, block():
            item.stock += 1
            item.save(update_fields=["stock"])
            item.stock += 1
            item.save()
        assert [(e.outcome, e.overwrote) for e in events if e.signal == "post_save"] == [("committed", None)] * 2
    assert Item.objects.values_list("stock", flat=True).get() == 4


def test_a_save_that_repairs_the_row(item, block):
    """A whole new one in its place."""
    with recorded() as events, block():
        Item(pk=item.pk, name="new").save()
    assert [(e.signal, e.outcome) for e in events] == [("pre_save", "committed"), ("post_save", "committed")]
    assert Item.objects.get().name == "new"


@pytest.mark.parametrize("queryset", [False, True])
def test_a_delete(item, block, queryset):
    """By the object and, without loading the rest of the row, by a queryset."""
    with recorded() as events, block():
        (Item.objects.only("name") if queryset else item).delete()
    assert [(e.signal, e.outcome, e.overwrote) for e in events] == [
        ("pre_delete", "committed", None),
        ("post_delete", "committed", None),
    ]
    assert not Item.objects.exists()


def test_one_row_of_many_in_a_delete(block):
    """Only its own event holds what the object believed."""
    Item.objects.bulk_create([Item(name=str(at)) for at in range(60)])
    chosen = Item.objects.order_by("pk")[41]
    with connection.cursor() as cursor:
        cursor.execute(f"{UNLOADABLE[connection.vendor]} WHERE id = {chosen.pk}")
    with recorded() as events, block():
        Item.objects.only("name").delete()
    posts = {e.object_pk: e.overwrote for e in events if e.signal == "post_delete"}
    assert len(posts) == 60
    assert [key for key, overwrote in posts.items() if overwrote is None] == [str(chosen.pk)]
