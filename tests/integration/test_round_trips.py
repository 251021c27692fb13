"""The messages that a recorded save sends to PostgreSQL: the events go with the COMMIT, in one message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction
from psycopg import pq

from signal_log.models import SignalEvent
from signal_log.store.append import FEW
from tests.shop.models import Category, Note

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

Sent = Callable[[], list[str]]


@contextmanager
def watched(folder: Path) -> Iterator[Sent]:
    """Collect the statements sent to the server in the block, one per message, as libpq itself traces them."""
    connection.ensure_connection()
    raw = connection.connection.pgconn
    with (folder / "libpq.trace").open("w+") as trace:
        raw.trace(trace.fileno())
        raw.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)

        def sent() -> list[str]:
            raw.untrace()
            trace.seek(0)
            messages = [line.split("\t") for line in trace]
            return [message[3].strip(' "\n') for message in messages if (message[0], message[2]) == ("F", "Query")]

        yield sent


def words(message: str) -> str:
    """Return a message's first word, and "COMMIT" if that is its second statement."""
    return message.split()[0] + ("; COMMIT" if message.endswith("; COMMIT") else "")


def test_in_autocommit_a_save_is_three_messages(tmp_path):
    """BEGIN, the save, its events with the COMMIT: one more than the two of a log that is not in the transaction."""
    category = Category.objects.create(name="Toys")
    with watched(tmp_path) as sent:
        category.name = "Games"
        category.save()
        messages = sent()
    assert [words(message) for message in messages] == ["BEGIN", "UPDATE", "SELECT; COMMIT"]
    assert SignalEvent.objects.count() == 4


def test_a_block_ends_with_one_message(tmp_path):
    """All events, few as they are, go with the COMMIT."""
    with watched(tmp_path) as sent:
        with transaction.atomic():
            for number in range(FEW // 2):
                Category.objects.create(name=f"Toys {number}")
        messages = sent()
    assert [words(message) for message in messages] == ["BEGIN", *["INSERT"] * (FEW // 2), "SELECT; COMMIT"]


def test_many_events_are_copied(tmp_path):
    """Events are sent by COPY, whose rows need no answer, followed by a COMMIT."""
    with watched(tmp_path) as sent:
        with transaction.atomic():
            for number in range(FEW):
                Category.objects.create(name=f"Toys {number}")
        messages = sent()
    assert [words(message) for message in messages[-2:]] == ["COPY", "COMMIT"]


def test_an_unobserved_save_sends_one_message(tmp_path):
    """A save of an unobserved model is one message in autocommit."""
    with watched(tmp_path) as sent:
        Note.objects.create(text="milk")
        messages = sent()
    assert [words(message) for message in messages] == ["INSERT"]
