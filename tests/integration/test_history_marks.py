"""The marks of the chart: what the log tells of deployments and upkeep."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from signal_log.show.query import counts, marks
from tests.factories import make_event

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)


def told(client: Client, **query: Any) -> list[str]:
    """Return the words of the marks, but for those of what the tests themselves did."""
    answer = client.get("/events/", {"format": "marks", **query})
    assert answer.status_code == 200, answer.content
    return [words for _, words in answer.json()["marks"] if "pytest" not in words]


def test_processes_migrations_and_upkeep_are_marks(mira: Client) -> None:
    """A process has one, where it began; a migration has one, however much it wrote; commands and exports none."""
    hour, trace = NOW - timedelta(hours=1), uuid.uuid4()
    make_event(process="web-1:7", occurred_at=hour)
    make_event(process="web-1:7")
    make_event(process="web-2:9")
    make_event(process="cron:3", source="command:tidy")
    for _ in range(3):
        make_event(process="web-1:8", source="command:migrate", trace_id=trace)
    make_event(signal="signal_log.maintenance", source="command:signal_prune", process="cron:4")
    make_event(signal="signal_log.exported", process="cron:4", source="shell")
    words = told(mira, since="now-2h")
    assert sorted(one for one in words if "web" in one or "process" not in one) == [
        "log: maintenance", "migrate", "process web-1:7 began to write", "process web-2:9 began to write",
    ]  # fmt: skip
    assert "process web-1:7 began to write" not in told(mira, since="now-10m")
    assert told(mira, since="now-2h", until="now-30m") == ["process web-1:7 began to write"]


def test_a_process_at_the_edge_of_what_is_looked_at_is_not_called_new(
    mira: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it has written before nobody has looked; the number of queries does not grow with the log."""
    for number in range(12):
        make_event(process=f"web:{number}")
    monkeypatch.setattr(counts, "MAX_IDS", 8)
    monkeypatch.setattr(marks, "BORDER", 4)
    with CaptureQueriesContext(connection) as asked:
        words = told(mira)
    assert sum("signal_log_signalevent" in query["sql"] for query in asked) <= 5
    assert set(words) == {f"process web:{number} began to write" for number in (8, 9, 10, 11)}


@pytest.mark.parametrize("query", [{"sender": "auth.User"}, {"before": "9"}, {"since": "x"}])
def test_anything_else_than_a_span_is_refused(mira: Client, query: dict[str, str]) -> None:
    """Each is named."""
    answer = mira.get("/events/", {"format": "marks", **query})
    assert answer.status_code == 400
    assert next(iter(query)) in answer.content.decode()
