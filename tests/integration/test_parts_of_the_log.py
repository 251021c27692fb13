"""What a run of `signal_verify` says of a part of the log, and of the events that allow rows to be gone."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from signal_log.maintenance import maintenance
from signal_log.models import SignalEvent
from tests.integration.verified import changed, log_in, refused, said
from tests.sealed import Sealed, sql

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def log(db: None, settings: Any, tmp_path: Path) -> Sealed:
    """A sealed log with its key, and no witness."""
    return log_in(tmp_path, settings)


def test_where_since_begins(log: Sealed) -> None:
    """With a whole tile, which is said; beyond the end with nothing, which is refused."""
    assert "has 600 leaves; --since 601 is beyond its end." in refused("--since", "601")
    code, told = said(since=150)
    assert (code, told["events"], told["limits"]) == (0, 600, [])
    assert "--since 150 has begun at the index 0: leaves are compared 256 at a time." in told["notes"]
    assert told["text"].startswith("Intact")
    code, told = said(since=300)
    assert (code, told["events"]) == (0, 344)
    assert told["limits"] == ["Events below the index 256 were not compared (--since)."]
    sql("DELETE FROM {log} WHERE id > %s", log.ids[599])
    assert said(since=600)[1]["events"] == 88


def test_parts_without_events(log: Sealed) -> None:
    """Of three tiles there are no four equal parts: one is empty, and says why."""
    found = [said(shard=(part, 4)) for part in (1, 2, 3, 4)]
    assert [told["events"] for _, told in found] == [0, 256, 256, 88]
    assert "where there are 3 tiles of 256 leaves" in found[0][1]["limits"][0]
    assert found[0][1]["text"].startswith("No event was compared")
    changed(log, 599)
    assert [said(shard=(part, 4))[0] for part in (1, 2, 3, 4)] == [0, 0, 0, 1]


def test_each_is_told_by_its_own_events(log: Sealed) -> None:
    """A redaction by the event of it, a prune by another, and neither by one that names other rows."""
    call_command("signal_redact", "auth.User", "300", reason="asked", full=False, no_vacuum=True, stdout=StringIO())
    redaction = SignalEvent.objects.get(source="command:signal_redact").pk
    sql("DELETE FROM {log} WHERE id BETWEEN %s AND %s", log.ids[20], log.ids[29])
    for first, last in ((20, 24), (25, 29), (40, 41)):
        rows = {"events": f"{log.ids[first]}-{log.ids[last]}", "indexes": f"g1:{first}-{last}"}
        with maintenance(connection, "signal_prune", why="old", rows=rows):
            pass
    first, second, _ = SignalEvent.objects.filter(source="command:signal_prune", labels__has_key="indexes").values_list(
        "pk", flat=True
    ).order_by("pk")  # fmt: skip
    code, told = said()
    notes = " ".join(told["notes"])
    assert code == 0, told
    assert f"1 event was redacted, as event {redaction} tells;" in notes
    together = f"{first}-{second}" if second == first + 1 else f"{first},{second}"
    assert f"10 events were pruned, as the events {together} tell." in notes
