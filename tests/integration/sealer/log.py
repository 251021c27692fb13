"""Events to be sealed, and what becomes of them."""

from __future__ import annotations

from django.db import connection

from signal_log.models import SealCheckpoint, SealTree, SignalEvent
from signal_log.seal.sealer import Sealer
from signal_log.seal.state import seal_state
from signal_log.store.row import TABLE
from signal_log.store.schema import POSTGRESQL_TRIGGERS, SQLITE_TRIGGERS
from tests.factories import event_value


def events(number: int) -> list[SignalEvent]:
    """Make so many."""
    return SignalEvent.objects.bulk_create([SignalEvent(**event_value()._asdict()) for _ in range(number)])


def by_owner(sql: str, *params: object) -> None:
    """Change the log as the owner of its table can, with its triggers off."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name in SQLITE_TRIGGERS:
                cursor.execute(f"DROP TRIGGER {name}")
            cursor.execute(sql, params)
            for statement in SQLITE_TRIGGERS.values():
                cursor.execute(statement)
        else:
            for name in POSTGRESQL_TRIGGERS:
                cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER {name}")
            cursor.execute(sql, params)
            for name in POSTGRESQL_TRIGGERS:
                cursor.execute(f"ALTER TABLE {TABLE} ENABLE TRIGGER {name}")


def stopped() -> str:
    """Why a round has stopped, which everything tells, and the next round does not change."""
    found = Sealer().round()
    assert found.outcome == "stopped"
    assert found.problem == seal_state().stopped == SealTree.objects.get().problem
    state = list(SealCheckpoint.objects.values_list("number", "size", "note"))
    events(1)
    assert Sealer().round().problem == found.problem
    assert list(SealCheckpoint.objects.values_list("number", "size", "note")) == state
    return found.problem
