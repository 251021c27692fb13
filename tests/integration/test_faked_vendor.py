"""A host's test that lets its connection pass for another database changes nothing for the recorder."""

import pytest
from django.db import connection, transaction

from signal_log.models import SignalEvent
from signal_log.store.append import FEW, append
from tests.factories import event_value
from tests.log import recorded
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("count", [1, FEW + 1])
def test_events_are_stored(count, monkeypatch):
    """The store asks for the kind of its connection, not for what a test has named it."""
    monkeypatch.setattr(connection, "vendor", "mariadb")
    with transaction.atomic():
        append([event_value(sender="shop.Faked")] * count, connection)
    monkeypatch.undo()
    assert SignalEvent.objects.filter(sender="shop.Faked").count() == count


@pytest.mark.parametrize("in_block", [False, True])
def test_changes_are_recorded(in_block, monkeypatch):
    """Saves and deletes go through and are recorded, in autocommit and in a block."""
    with recorded() as events:
        monkeypatch.setattr(connection, "vendor", "mariadb")
        if in_block:
            with transaction.atomic():
                change()
        else:
            change()
        monkeypatch.undo()
    assert [event.signal for event in events] == [
        "pre_save", "post_save", "pre_save", "post_save", "pre_delete", "post_delete",
    ]  # fmt: skip
    assert events[1].changes["name"] == [None, "a"]
    assert events[3].changes == {"name": ["a", "b"]}


def change():
    """Create, update and delete a row."""
    category = Category.objects.create(name="a")
    category.name = "b"
    category.save()
    category.delete()
