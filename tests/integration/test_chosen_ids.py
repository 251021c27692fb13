"""Whoever can insert a row cannot blind the log's readers by the id that they choose for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from signal_log.models import SignalEvent
from signal_log.store import schema
from signal_log.store.follow import Follower
from signal_log.store.row import NAMES, TABLE
from signal_log.store.schema import LARGEST_FIRST_ID, LARGEST_ID, LARGEST_STEP
from signal_log.tail.reader import Tail
from tests.factories import event_value, make_event

pytestmark = pytest.mark.django_db(transaction=True)


def insert(number: int, verb: str = "INSERT") -> None:
    """Add a copy of the newest event under an id, by SQL."""
    with transaction.atomic(), connection.cursor() as cursor:
        copy = f"SELECT %s, {NAMES} FROM {TABLE} WHERE id = (SELECT max(id) FROM {TABLE})"  # noqa: S608
        cursor.execute(f"{verb} INTO {TABLE} (id, {NAMES}) {copy}", [number])


def test_ids_that_the_database_would_not_give_are_refused() -> None:
    """Those that are not positive, and those after which it has few or none left; then it goes on as before."""
    newest = make_event().pk
    ids = [0, -1, -(2**63), LARGEST_ID + 1, 2**63 - 1]
    if connection.vendor == "sqlite":  # which goes on above the largest, so each step is limited
        ids += [newest + LARGEST_STEP + 1, LARGEST_ID]
    for number in ids:
        for verb in ("INSERT", "REPLACE", "INSERT OR IGNORE") if connection.vendor == "sqlite" else ("INSERT",):
            with pytest.raises(DatabaseError, match="takes no such id"):
                insert(number, verb)
    assert make_event().pk == newest + 1


@pytest.mark.one_database
def test_an_empty_log_takes_the_ids_of_another() -> None:
    """As a fixture brings them along, but none after which not as many are left; then the steps are limited again."""
    assert not SignalEvent.objects.exists()
    with pytest.raises(DatabaseError, match="takes no such id"):
        SignalEvent.objects.bulk_create([SignalEvent(pk=LARGEST_FIRST_ID + 1, **event_value()._asdict())])
    ids = [5_000_000_000, 5_000_000_003, 5_000_000_000 + LARGEST_STEP]
    SignalEvent.objects.bulk_create([SignalEvent(pk=number, **event_value()._asdict()) for number in ids])
    assert make_event().pk == ids[-1] + 1


def follow(*ids: int) -> tuple[list[int], list[int]]:
    """Return what a tail is given of events made after these ids were planted, and the events' own."""
    follower = Follower()
    try:
        tail = Tail(follower)
        before = tail.start().top.id
        for number in ids:
            insert(number)
        made, seen = [], []
        for _ in range(3):
            made.append(make_event().pk)
            seen += [event.id for event in tail.advance().events]
        fresh = Tail(follower)
        assert fresh.start().top.id == made[-1]
        assert before < made[0]
        return seen, made
    finally:
        follower.close()
        connection.close()


def test_an_id_far_above_the_newest_silences_no_reader() -> None:
    """All that comes after it is delivered, at once, also to readers that begin then."""
    newest = make_event().pk
    planted = newest + 1_000_000
    with ThreadPoolExecutor(1) as thread:  # a follower replaces its thread's connection
        seen, made = thread.submit(follow, planted).result()
    assert seen == ([planted, *made] if connection.vendor == "sqlite" else made)


@pytest.mark.postgresql
def test_the_largest_id_of_all_silences_no_reader_either() -> None:
    """Where the owner of the table has put it there, past the triggers."""
    make_event()
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER USER")
    try:
        with ThreadPoolExecutor(1) as thread:
            seen, made = thread.submit(follow, 2**63 - 1).result()
        assert seen == made
    finally:
        call_command("migrate", verbosity=0)
    assert schema.missing(connection) == []


@pytest.mark.postgresql
def test_a_planted_row_comes_when_the_sequence_has_passed_it() -> None:
    """It is an event of the log nevertheless, and no reader misses it for good."""
    newest = make_event().pk
    with ThreadPoolExecutor(1) as thread:
        thread.submit(insert, newest + 2).result()
        thread.submit(lambda: connection.close()).result()  # noqa: PLW0108  of that thread
        follower = Follower()
        above = [row["id"] for row in thread.submit(follower.read, newest, (), 100).result()]
        made = make_event().pk
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT nextval('{TABLE}_id_seq')")
        after = [row["id"] for row in thread.submit(follower.read, newest, (), 100).result()]
        thread.submit(follower.close).result()
    assert (above, after) == ([], [made, newest + 2])
