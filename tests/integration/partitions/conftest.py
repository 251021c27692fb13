"""A log with partitions, and the table without them again after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from signal_log.models import SignalEvent
from signal_log.store import schema
from signal_log.store.partitions.convert import convert
from signal_log.store.row import TABLE


@pytest.fixture(autouse=True)
def _plain_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """As if the table had never been converted, with what others expect of it."""
    if request.node.get_closest_marker("postgresql") is None:
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(%s)", [TABLE])
        if cursor.fetchone() == (False,):
            return
    with connection.schema_editor() as editor:
        editor.execute(f"DROP TABLE {TABLE}")
        editor.create_model(SignalEvent)
    schema.after_migrate(connection.alias)


@pytest.fixture
def converted() -> Callable[[int], float]:
    """A function that converts the log, with so many ids in a partition; it returns for how long it was locked."""
    return lambda rows=1_000: convert(connection, rows, lambda _: None, patience=20)
