"""Writers at the same time: each event holds what its own statement found and left in the row (G11)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

from tests.integration.outside import Outside
from tests.log import recorded
from tests.shop.models import Thing

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS, SAVES = 3, 12


@pytest.fixture
def outside() -> Iterator[Outside]:
    """Another program on the same database."""
    other = Outside()
    yield other
    other.close()


def in_a_thread(act: Callable[[], Any]) -> threading.Thread:
    """Run something on a connection of its own."""

    def run() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def wait_for_a_waiting_writer(outside: Outside) -> None:
    """Return when somebody waits for the row that `outside` changed; on SQLite nobody can tell, so a while later."""
    if connection.vendor == "sqlite":
        time.sleep(0.4)
        return
    until = time.monotonic() + 10
    while not outside.ask("SELECT 1 FROM pg_locks WHERE NOT granted"):
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("block", [False, True], ids=["autocommit", "block"])
def test_a_save_that_waits_for_another_writer(outside, block):
    """What the other one commits in the meantime is the old value, and it was overwritten unseen."""
    Thing.objects.create(name="x", qty=7)
    thing = Thing.objects.get()
    outside.ask("BEGIN" if connection.vendor == "postgresql" else "BEGIN IMMEDIATE")
    outside.ask("UPDATE shop_thing SET qty = 8")

    def save() -> None:
        thing.qty = 9
        if block:
            with transaction.atomic():
                thing.save()
        else:
            thing.save()

    with recorded() as events:
        saving = in_a_thread(save)
        wait_for_a_waiting_writer(outside)
        outside.ask("COMMIT")
        saving.join()
    assert events[-1].changes == {"qty": [8, 9]}
    assert events[-1].overwrote == ["qty"]


def test_a_delete_that_waits_for_another_writer(outside):
    """A delete tells what the other one left."""
    Thing.objects.create(name="x", qty=7)
    thing = Thing.objects.get()
    outside.ask("BEGIN" if connection.vendor == "postgresql" else "BEGIN IMMEDIATE")
    outside.ask("UPDATE shop_thing SET qty = 8")
    with recorded() as events:
        deleting = in_a_thread(thing.delete)
        wait_for_a_waiting_writer(outside)
        outside.ask("COMMIT")
        deleting.join()
    assert events[-1].changes["qty"] == [8, None]
    assert events[-1].overwrote == ["qty"]


def test_a_row_that_another_writer_deletes_in_the_meantime(outside):
    """Django inserts it again, and the event has no old values."""
    Thing.objects.create(name="x", qty=7)
    thing = Thing.objects.get()
    outside.ask("BEGIN" if connection.vendor == "postgresql" else "BEGIN IMMEDIATE")
    outside.ask("DELETE FROM shop_thing")
    with recorded() as events:
        saving = in_a_thread(thing.save)
        wait_for_a_waiting_writer(outside)
        outside.ask("COMMIT")
        saving.join()
    assert events[-1].created
    assert events[-1].changes["qty"] == [None, 7]
    assert events[-1].overwrote == []


@pytest.mark.parametrize("block", [False, True], ids=["autocommit", "block"])
def test_the_events_of_one_row_are_a_chain(block):
    """Whatever writers do to a row at the same time, each event's old value is the one before it left."""
    Thing.objects.create(name="x", qty=0)

    def write(number: int) -> None:
        for turn in range(SAVES):
            thing = Thing.objects.get()
            thing.qty = 100 * number + turn + 1
            if block:
                with transaction.atomic():
                    thing.save()
            else:
                thing.save()

    with recorded() as events:
        writers = [in_a_thread(lambda number=number: write(number)) for number in range(WRITERS)]
        for writer in writers:
            writer.join()
    posts = [event for event in events if event.signal == "post_save"]
    assert len(posts) == WRITERS * SAVES
    held = 0
    for event in posts:
        if event.changes:
            assert event.changes["qty"][0] == held
            held = event.changes["qty"][1]
    assert held == Thing.objects.get().qty
    overwritten = [event for event in posts if event.overwrote]
    pres = {(event.trace_id, event.operation): event for event in events if event.signal == "pre_save"}
    for event in posts:
        believed = pres[event.trace_id, event.operation].changes.get("qty", [None])[0]
        if event.changes and believed is not None:
            assert (event.overwrote == ["qty"]) == (believed != event.changes["qty"][0])
    assert all(event.overwrote == ["qty"] for event in overwritten)


@pytest.mark.postgresql
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_transaction_that_may_not_see_the_other_writer(outside, level):
    """The host gets the database's own error at its own statement, and the save is recorded as failed."""
    Thing.objects.create(name="x", qty=7)
    with recorded() as events:
        with pytest.raises(OperationalError, match="could not serialize"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
            thing = Thing.objects.get()
            outside.ask("UPDATE shop_thing SET qty = 8")
            thing.qty = 9
            thing.save()
    assert [(event.signal, event.outcome) for event in events if event.sender == "shop.Thing"] == [
        ("pre_save", "failed")
    ]
    assert Thing.objects.get().qty == 8
