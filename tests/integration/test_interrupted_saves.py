"""An exception that a signal handler raises while a save waits: Ctrl-C, a task's time limit, a worker's timeout.

Python raises it when the driver's call returns, so what the call did is done.
"""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.db import connection

from signal_log.capture.transaction import window
from tests.log import recorded
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)


class TimeLimit(Exception):
    """As of a task queue."""


class Interrupted:
    """The driver's connection, on which one command is interrupted right after it has worked."""

    def __init__(self, raw, command: str) -> None:
        self._raw = raw
        self._command = command

    def __getattr__(self, name):
        return getattr(self._raw, name)

    def execute(self, sql, *args):
        """Run it; the interruption comes after it."""
        result = self._raw.execute(sql, *args)
        if sql.startswith(self._command):
            raise TimeLimit
        return result


@contextmanager
def interrupted(command: str):
    """Interrupt the first command of ours that begins with this word."""
    own = connection.connection
    connection.connection = Interrupted(own, command)
    try:
        with pytest.raises(TimeLimit):
            yield
    finally:
        connection.connection = own


@pytest.mark.one_database  # on PostgreSQL, BEGIN and COMMIT travel with other statements
def test_while_the_transaction_begins():
    """Nothing stays open: the next save is committed, and others can write."""
    category = Category.objects.create(name="a")
    category.name = "b"
    with interrupted("SAVEPOINT"):
        category.save()
    assert not connection.connection.in_transaction
    assert window.window_of(connection) is None
    Category.objects.create(name="next")
    connection.close()
    assert set(Category.objects.values_list("name", flat=True)) == {"a", "next"}


@pytest.mark.one_database
def test_while_the_transaction_ends():
    """What is committed is not told to have failed."""
    category = Category.objects.create(name="a")
    category.name = "b"
    with recorded() as events:
        with interrupted("COMMIT"):
            category.save()
    assert [(event.signal, event.outcome) for event in events] == [
        ("pre_save", "committed"),
        ("post_save", "committed"),
    ]
    category.refresh_from_db()
    assert category.name == "b"
