"""The debug toolbar's panel, driven as the toolbar drives it, sync and async."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.test import AsyncRequestFactory, RequestFactory

from signal_log.capture.trace.trace import Trace, TraceContext
from signal_log.capture.transaction.collecting import Collected
from signal_log.event import MASK
from signal_log.show.panel import SignalLogPanel, stats_of
from tests.factories import event_value
from tests.shop.models import Category


class Toolbar:
    """The parts of the toolbar that a panel uses: the request, and a store that accepts only JSON."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.request_id = "1"
        self.server_timing_stats: dict[str, Any] = {}
        self.stats: dict[str, dict[str, Any]] = {}
        self.store = self

    def save_panel(self, request_id: str, panel_id: str, data: Any) -> None:
        """Refuse what the toolbar could not store."""
        json.dumps(data)


def save(name: str) -> HttpResponse:
    """Save something, as a view might."""
    Category.objects.create(name=name)
    return HttpResponse()


@pytest.mark.django_db(transaction=True)
def test_the_panel_lists_the_signals_of_its_request() -> None:
    """The request's signals, and no others, are listed in order, with object, changes, receivers, time and outcome."""
    Category.objects.create(name="before")
    request = RequestFactory().get("/")
    panel = SignalLogPanel(Toolbar(request), lambda request: save("during"))
    response = panel.process_request(request)
    Category.objects.create(name="after")
    panel.generate_stats(request, response)
    stats = panel.get_stats()
    assert [(row["signal"], row["object"], row["outcome"]) for row in stats["rows"]] == [
        ("pre_save", "during", "committed"),
        ("post_save", "during", "committed"),
    ]
    assert stats["rows"][1]["changes"][-1]["new"] == "during"
    assert panel.nav_subtitle.startswith("2 signals in ")
    assert "during" in panel.content


@pytest.mark.django_db(transaction=True)
async def test_parallel_requests_do_not_mix() -> None:
    """Six requests on one event loop overlap, with async and threaded views."""
    begun = asyncio.Barrier(6)
    # SQLite has one writer, so the saves take turns, but the requests still overlap.
    turn = threading.Lock()

    def in_turn(name: str) -> HttpResponse:
        with turn:
            try:
                return save(name)
            finally:
                connections.close_all()  # this thread's, which nobody else closes

    async def view(request: HttpRequest) -> HttpResponse:
        await begun.wait()
        name = request.path.strip("/")
        if name.endswith(("0", "2", "4")):
            return await sync_to_async(in_turn)(name)
        return await sync_to_async(in_turn, thread_sensitive=False)(name)

    async def one(number: int) -> list[str]:
        request = AsyncRequestFactory().get(f"/request-{number}/")
        panel = SignalLogPanel(Toolbar(request), view)
        response = await panel.process_request(request)
        panel.generate_stats(request, response)
        return [row["object"] for row in panel.get_stats()["rows"]]

    seen = await asyncio.gather(*(one(number) for number in range(6)))
    assert seen == [[f"request-{number}"] * 2 for number in range(6)]


def test_effects_are_indented_below_their_cause() -> None:
    """The indent is the number of causes above a signal, and the total counts only the outermost ones."""
    trace = Trace(TraceContext("test"))
    common = {"trace_id": trace.trace_id}
    events = Collected()
    events += [
        event_value(**common, position=3, parent_position=2, caused_by="a.b"),
        event_value(**common, position=1, signal="pre_save"),
        event_value(**common, position=2),
        event_value(**common, position=4, parent_position=3, caused_by="a.c"),
    ]
    events.calls += [
        (trace, (3, "auth.User", "post_save", "a.c", 500, 400, 2, "")),
        (trace, (1, "auth.User", "pre_save", "a.a", 100, 100, 0, "")),
        (trace, (2, "auth.User", "post_save", "a.b", 400, 600, 1, "")),
        (trace, (2, "auth.User", "post_save", "a.d", 1_000, 300, 0, "")),
    ]
    stats = stats_of(events)
    assert [(row["position"], row["indent"]) for row in stats["rows"]] == [(1, 0), (2, 0), (3, 1), (4, 2)]
    assert stats["milliseconds"] == 1.0
    assert stats["rows"][2]["cause"] == "a.b"
    assert [[(one["name"], one["queries"]) for one in row["receivers"]] for row in stats["rows"]] == [
        [("a.a", 0)], [("a.b", 1), ("a.d", 0)], [("a.c", 2)], [],
    ]  # fmt: skip
    assert [row["time"] for row in stats["rows"]] == ["100 µs", "900 µs", "400 µs", ""]


def test_hostile_text_and_secrets_are_harmless_in_the_panel() -> None:
    """Hostile text is escaped and named, and secrets are masked, as on the pages."""
    hostile = "<script>alert(1)</script>\u202e\x07"
    trace = Trace(TraceContext("test"))
    events = Collected()
    events.append(
        event_value(object_repr=hostile, changes={"password": [MASK, MASK], hostile: [hostile, hostile]},
                    caused_by=hostile, error=hostile, outcome="failed", call_site=hostile, trace_id=trace.trace_id)
    )  # fmt: skip
    events.calls.append((trace, (2, hostile, hostile, f"receiver {hostile}", 0, 1, 0, hostile)))
    html = render_to_string("signal_log/panel.html", stats_of(events))
    assert "receiver &lt;script" in html
    assert "<script" not in html
    assert "\x07" not in html
    assert "[U+202E]" in html
    assert MASK in html
    assert "style=" not in html


def test_a_request_without_signals_says_so() -> None:
    """An empty panel is not an error."""
    assert "No signals" in render_to_string("signal_log/panel.html", stats_of(Collected()))
