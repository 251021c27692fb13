"""The messages that a recorded save sends to PostgreSQL: the events go with the COMMIT, in one message."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from signal_log.models import SignalEvent
from signal_log.store.append import FEW
from signal_log.telemetry import sessions
from signal_log.telemetry.waiting import waiting
from tests.benchmarks.wire import watched, words
from tests.shop.models import Category, Note

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.fixture(autouse=True)
def _nothing_else_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second of a slow test is up, after which a save also writes telemetry and looks for sessions."""
    monkeypatch.setattr(sessions.looks, "next_at", float("inf"))
    monkeypatch.setattr(waiting, "written_at", float("inf"))


def test_in_autocommit_a_save_is_two_messages():
    """The save between two reads of its row, and the events with the COMMIT: as many as for a log by hand.

    The first SELECT locks the row as its statement will if a unique column, here the name, is about to change.
    """
    category = Category.objects.create(name="Toys")
    with watched(connection) as sent:
        category.name = "Games"
        category.save()
        messages = sent()
    assert [words(message) for message in messages] == ["BEGIN; SELECT; SELECT; UPDATE; SELECT", "SELECT; COMMIT"]
    assert SignalEvent.objects.count() == 4


def test_a_new_row_is_two_messages():
    """The row is read with its INSERT, by the key that its sequence has just given."""
    Category.objects.create(name="Toys")
    with watched(connection) as sent:
        Category.objects.create(name="Games")
        messages = sent()
    assert [words(message) for message in messages] == ["BEGIN; INSERT; SELECT", "SELECT; COMMIT"]
    assert SignalEvent.objects.count() == 4


def test_a_block_ends_with_one_message():
    """All events, few as they are, go with the COMMIT."""
    Category.objects.create(name="Books")
    with watched(connection) as sent:
        with transaction.atomic():
            for number in range(FEW // 2):
                Category.objects.create(name=f"Toys {number}")
        messages = sent()
    assert [words(message) for message in messages] == ["BEGIN", *["INSERT; SELECT"] * (FEW // 2), "SELECT; COMMIT"]


def test_many_events_are_copied():
    """Events are sent by COPY, whose rows need no answer, followed by a COMMIT."""
    with watched(connection) as sent:
        with transaction.atomic():
            for number in range(FEW):
                Category.objects.create(name=f"Toys {number}")
        messages = sent()
    assert [words(message) for message in messages[-3:]] == ["COPY", "CopyDone", "COMMIT"]


def test_an_unobserved_save_sends_one_message():
    """A save of an unobserved model is one message in autocommit."""
    with watched(connection) as sent:
        Note.objects.create(text="milk")
        messages = sent()
    assert [words(message) for message in messages] == ["INSERT"]
