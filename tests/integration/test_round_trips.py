"""The messages that a recorded save sends to PostgreSQL: the events go with the COMMIT, in one message."""

from __future__ import annotations

import re
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
            found = re.findall(r'^F\t\d+\tQuery\t "(.*?)"$(?=\n[FB]\t|\n\Z)', trace.read(), re.DOTALL | re.MULTILINE)
            return [str(message) for message in found]

        yield sent


def words(message: str) -> str:
    """Return the first word of each of the message's statements."""
    return "; ".join(statement.split()[0] for statement in re.split(r";\s", message))


def test_in_autocommit_a_save_is_two_messages(tmp_path):
    """The save between two reads of its row, and the events with the COMMIT: as many as for a log by hand."""
    category = Category.objects.create(name="Toys")
    with watched(tmp_path) as sent:
        category.name = "Games"
        category.save()
        messages = sent()
    assert [words(message) for message in messages] == ["BEGIN; SELECT; UPDATE; SELECT", "SELECT; COMMIT"]
    assert SignalEvent.objects.count() == 4


def test_a_new_row_is_two_messages(tmp_path):
    """The row is read with its INSERT, by the key that its sequence has just given."""
    Category.objects.create(name="Toys")
    with watched(tmp_path) as sent:
        Category.objects.create(name="Games")
        messages = sent()
    assert [words(message) for message in messages] == ["BEGIN; INSERT; SELECT", "SELECT; COMMIT"]
    assert SignalEvent.objects.count() == 4


def test_a_block_ends_with_one_message(tmp_path):
    """All events, few as they are, go with the COMMIT."""
    Category.objects.create(name="Books")
    with watched(tmp_path) as sent:
        with transaction.atomic():
            for number in range(FEW // 2):
                Category.objects.create(name=f"Toys {number}")
        messages = sent()
    assert [words(message) for message in messages] == ["BEGIN", *["INSERT; SELECT"] * (FEW // 2), "SELECT; COMMIT"]


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
