"""A savepoint that is rolled back undoes what came after it, and nothing else."""

import pytest
from django.db import IntegrityError, transaction

from signal_log.capture.transaction import buffer, held
from signal_log.capture.transaction.collecting import collecting
from signal_log.models import SignalEvent
from tests.log import recorded
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)

new_savepoint = getattr(transaction, "savepoint_create", transaction.savepoint)  # its name on Django 6.1


def test_rolled_back_savepoint_inside_a_committed_block():
    """Only what came after the savepoint is rolled back, whatever happens to the block."""
    with recorded() as events:
        with transaction.atomic():
            Category.objects.create(name="kept")
            with pytest.raises(KeyError), transaction.atomic():
                Category.objects.create(name="undone")
                raise KeyError
            Category.objects.create(name="also kept")
    assert [(e.object_repr, e.outcome) for e in events if e.signal == "post_save"] == [
        ("kept", "committed"),
        ("undone", "rolled_back"),
        ("also kept", "committed"),
    ]


def test_savepoint_older_than_the_first_event():
    """A savepoint made before anything was recorded still undoes what came after it."""
    with recorded() as events, transaction.atomic():
        with pytest.raises(KeyError), transaction.atomic():
            Category.objects.create(name="undone")
            raise KeyError
    assert {event.outcome for event in events} == {"rolled_back"}


def test_savepoint_by_hand():
    """Savepoints made without an atomic block count like those of one."""
    with recorded() as events, transaction.atomic():
        Category.objects.create(name="kept")
        savepoint = new_savepoint()
        Category.objects.create(name="undone")
        transaction.savepoint_rollback(savepoint)
    assert [(e.object_repr, e.outcome) for e in events if e.signal == "post_save"] == [
        ("kept", "committed"),
        ("undone", "rolled_back"),
    ]


def test_set_rollback_without_an_exception():
    """A block that is told to roll back leaves its events as rolled back, without an error."""
    with recorded() as events, transaction.atomic():
        Category.objects.create(name="undone")
        transaction.set_rollback(True)
    assert [(e.outcome, e.error) for e in events] == [("rolled_back", "")] * 2


def test_inner_block_without_savepoint_dooms_the_outer():
    """An exception through `atomic(savepoint=False)`, caught outside it, still rolls everything back."""
    with recorded() as events, transaction.atomic():
        Category.objects.create(name="first")
        with pytest.raises(KeyError), transaction.atomic(savepoint=False):
            Category.objects.create(name="second")
            raise KeyError
    assert not Category.objects.exists()
    assert [e.outcome for e in events] == ["rolled_back"] * 4


def test_failed_save_inside_a_savepoint_of_a_committed_block():
    """As when `get_or_create` loses a race: the block continues, and the attempt is recorded as failed."""
    Category.objects.create(name="books")
    with recorded() as events, transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic():
            Category.objects.create(name="books")
        Category.objects.create(name="tools")
    assert [(e.signal, e.object_repr, e.outcome) for e in events] == [
        ("pre_save", "books", "failed"),
        ("pre_save", "tools", "committed"),
        ("post_save", "tools", "committed"),
    ]


def test_events_written_inside_a_rolled_back_savepoint_are_written_again():
    """Events from before the savepoint, written by a read inside it, survive its rollback as committed."""
    with recorded() as events, transaction.atomic():
        Category.objects.create(name="kept")
        with pytest.raises(KeyError), transaction.atomic():
            Category.objects.create(name="undone")
            assert SignalEvent.objects.filter(signal="post_save", sender="shop.Category").count() == 2
            raise KeyError
    assert [(e.object_repr, e.outcome) for e in events if e.signal == "post_save"] == [
        ("kept", "committed"),
        ("undone", "rolled_back"),
    ]


def test_a_large_block_keeps_what_a_savepoint_came_after(monkeypatch):
    """Events older than a savepoint, written within it and no longer kept, would go with a rollback to it (G2).

    Who collects events knows the outcome of all of them, kept or not.
    """
    monkeypatch.setattr(held, "MAX_UNWRITTEN", 10)
    monkeypatch.setattr(buffer, "MAX_KEPT", 10)
    with recorded() as events, collecting() as heard, transaction.atomic():
        for number in range(9):
            Category.objects.create(name=f"stays {number}")
        with pytest.raises(RuntimeError), transaction.atomic():
            for number in range(7):
                Category.objects.create(name=f"goes {number}")
            raise RuntimeError
        for number in range(9, 20):
            Category.objects.create(name=f"stays {number}")
    kept = [event.object_repr for event in events if event.outcome == "committed"]
    assert kept == [f"stays {number}" for number in range(20) for _ in range(2)]
    told = {(event.object_repr[:4], event.outcome) for event in heard.fired()}
    assert told == {("stay", "committed"), ("goes", "rolled_back")}
