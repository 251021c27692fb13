"""Pages in a host whose toolbar watches templates: it prints the context of each template, so both have to be few."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from django.http import HttpRequest
from django.test import Client

from signal_log.models import DebugSession, SessionTrace, SignalEvent, SignalTrace
from signal_log.telemetry import recorded
from signal_log.urls import urlpatterns
from tests.benchmarks.trace_page_load import fill, watching
from tests.factories import write_saves

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

NOW = datetime.now(UTC)
MOST_TEMPLATES = 10
"""The page, its two frames, and parts of it."""
MOST_CHARACTERS = 20_000
"""Of the context of one template, however much the page shows."""
STACK = [[f"shop/views.py:{line} in import_stock", "save"] for line in range(8)]
STATEMENT = "UPDATE shop_item SET stock = %s, updated = %s WHERE id = %s"


def record(name: str, *signals: int) -> DebugSession:
    """Store a session with a trace of so many signals each, and a statement for each of them."""
    session = DebugSession(name=name, scope="browser", started_at=NOW, stops_at=NOW, ended_at=NOW, expires_at=NOW)
    session.expires_at = recorded.clock.now() + recorded.KEPT
    caught = []
    for number in signals:
        row = SignalTrace.objects.get(trace_id=fill(number))
        data = {
            "request": {"method": "POST", "form": [[f"field {n}", "x" * 100] for n in range(50)]},
            "texts": [f"{STATEMENT} -- {n}" for n in range(200)],
            "stacks": [STACK],
            "statements": [[n % 200, 3, n, 40, n, "shop.signals.sync_stock", 0] for n in range(number)],
            "operations": {str(position): 0 for position in range(number)},
        }
        told = {field: getattr(row, field) for field in ("trace_id", "source", "name", "started_at", "duration_us",
                "status", "events", "operations", "failed", "silent")}  # fmt: skip
        caught.append(SessionTrace(**told, bytes=0, data=orjson.dumps(data).decode()))
    recorded.save(session, caught)
    return session


def test_no_page_costs_a_watching_tool_more_for_more_rows(root: Client) -> None:
    """Rows are no templates, and no context holds what prints long: on every page that a browser is shown."""
    session, other = record("checkout", 200, 160), record("before", 40)
    traces = list(session.caught.order_by("id"))
    trace = traces[0].trace_id
    event = SignalEvent.objects.filter(trace_id=trace, signal="post_save").first()
    assert event is not None
    write_saves(f"ada {number}" for number in range(40))
    first, last = SignalEvent.objects.filter(object_pk="1", signal="post_save", sender="auth.User").order_by("pk")[:2]
    pages = {
        "live": ["/"],
        "events": ["/events/", "/events/?every=1", "/events/?q=nothing-like-it", "/events/?since=never"],
        "event": [f"/events/{event.pk}/"],
        "traces": ["/traces/", "/traces/?sort=duration", "/traces/?took=nonsense"],
        "trace": [f"/traces/{trace}/", f"/traces/{trace}/?all=1", f"/traces/{trace}/?with=",
                  f"/traces/{trace}/?with={other.caught.get().trace_id}",
                  f"/traces/{traces[1].trace_id}/?with={trace}"],
        "receivers": ["/receivers/"],
        "seals": ["/seals/"],
        "holds": ["/holds/"],
        "logs": ["/logs/", "/logs/?q=nothing-like-it"],
        "past_writes": ["/past-writes/"],
        "pins": ["/pins/"],
        "redact": ["/redact/"],
        "relays": ["/relays/"],
        "sessions": ["/sessions/"],
        "session": [f"/sessions/{session.pk}/", f"/sessions/{session.pk}/?trace={trace}",
                    f"/sessions/{session.pk}/?with={other.pk}", "/sessions/999/"],
        "object": ["/objects/auth.User/1/", "/objects/auth.User/1/?at=2099-01-01",
                   f"/objects/auth.User/1/?from={first.pk}&to={last.pk}", "/objects/auth.User/1/?from=2000-01-01"],
        "restore": ["/restore/?label=auth.User&pk=1&at=2099-01-01", "/restore/"],
        "actor": ["/actors/7/", "/actors/nobody/"],
    }  # fmt: skip
    not_shown = {"shared_views", "take_away", "stop_session", "object_by_query"}  # JSON, a POST, a second address
    not_shown |= {"actor_by_query", "restore_form", "event_notes", "session_notes"}
    not_shown |= {"sealed_file", "sealed_file_of"}  # bytes
    assert {route.name for route in urlpatterns} == {*pages, *not_shown}
    too_much = {}
    for address in (address for addresses in pages.values() for address in addresses):
        with watching() as panel:
            answer = root.get(address)
            panel.generate_stats(HttpRequest(), answer)
        assert answer.status_code in (200, 400, 404), address
        stats = panel.get_stats()["templates"]
        longest = max(len(one["context"]) for one in stats)
        if len(stats) > MOST_TEMPLATES or longest > MOST_CHARACTERS:
            too_much[address] = len(stats), longest, [one["template"]["name"] for one in stats][:8]
    assert not too_much
