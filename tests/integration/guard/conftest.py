"""Another program's connection, with guarded tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from signal_log.audit.guard import installed
from signal_log.models import GuardedTable, PastWrite
from tests.integration.guard.command import guard
from tests.integration.outside import Outside


@pytest.fixture
def outside() -> Iterator[Outside]:
    """A connection of another program, as psql or sqlite3 has it; some tables are guarded while it is open."""
    connection.close()  # a test before may have started the recorder in a transaction that it rolled back
    guard("install", "shop.Item", "shop.Label", "shop.Setting")
    program = Outside()
    yield program
    program.close()
    for label in installed.guarded(connection):
        installed.run(connection, installed.triggers.undoing(installed.table_of(label), connection))
    GuardedTable.objects.all().delete()
    PastWrite.objects.all().delete()
