"""The debug toolbar's panel, driven as the toolbar drives it, sync and async."""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from debug_toolbar.middleware import DebugToolbarMiddleware
from debug_toolbar.toolbar import debug_toolbar_urls
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.test import AsyncRequestFactory, RequestFactory, override_settings

from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.capture.trace.trace import Trace, TraceContext
from signal_log.event import MASK
from signal_log.show.cascade.operation import Cascade, cascade_of, runs_of_calls
from signal_log.show.panel import SignalLogPanel, own_step
from signal_log.show.toolbar.rows import stats_of
from tests.factories import event_value
from tests.shop.models import Category

with override_settings(DEBUG=True):
    urlpatterns = debug_toolbar_urls()


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
    assert [(row["words"], row["object"], row["outcome"]) for row in stats["rows"]] == [
        ("created shop.Category", "during", "committed"),
    ]
    assert stats["rows"][0]["changes"][-1]["new"] == "during"
    assert panel.nav_subtitle.startswith("2 signals in ")
    assert "during" in panel.content


@pytest.mark.django_db(transaction=True)
def test_a_silent_write_counts_as_no_signal() -> None:
    """The title says what there was; an emptied text is shown as none."""
    Category.objects.create(name="one")

    def write(_: HttpRequest) -> HttpResponse:
        Category.objects.update(name="")
        return HttpResponse()

    request = RequestFactory().get("/")
    panel = SignalLogPanel(Toolbar(request), write)
    panel.generate_stats(request, panel.process_request(request))
    assert panel.nav_subtitle == "1 silent write"
    assert panel.get_stats()["rows"][0]["changes"][0]["new"] == '""'
    panel = SignalLogPanel(Toolbar(request), lambda request: write(request) and save("two"))
    panel.generate_stats(request, panel.process_request(request))
    assert re.fullmatch(r"2 signals in \d+\.\d ms · 1 silent write", panel.nav_subtitle)


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
    assert seen == [[f"request-{number}"] for number in range(6)]


class Host:
    """A project with the toolbar and the recorder, without sessions, log-in or the log's pages."""

    def __init__(self) -> None:
        self.ask = DebugToolbarMiddleware(SignalLogMiddleware(self.view))
        self.cookies: dict[str, str] = {}

    def view(self, request: HttpRequest) -> HttpResponse:
        """Save after a POST, and lead to a page."""
        if request.method == "POST":
            if request.path == "/form/":
                save("posted")
            return HttpResponse(status=302, headers={"Location": "/after/"})
        return HttpResponse("<html><body><p>After</p></BODY></html>", headers={"Content-Length": "40"})

    def send(self, method: str, path: str) -> HttpResponse:
        """Ask as a browser would, and keep its cookies."""
        request = RequestFactory().generic(method, path)
        request.COOKIES.update(self.cookies)
        response = self.ask(request)
        self.cookies.update({name: one.value for name, one in response.cookies.items()})
        return response


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls(__name__)
def test_a_host_without_sessions_and_pages_has_strip_and_panel(settings: Any, show_toolbar: Any) -> None:
    """Nothing leads to pages that there are not; no session is offered; other markup of the body's end is found."""
    show_toolbar(lambda request: True, RENDER_PANELS=True)
    settings.DEBUG_TOOLBAR_PANELS = ["signal_log.show.panel.SignalLogPanel"]
    host = Host()
    host.send("POST", "/form/")
    page = host.send("GET", "/after/")
    html = page.content.decode()
    assert "The POST before this: <b>1 operation, " in html
    assert "The POST before this fired 1 operation in " in html
    assert 'data-session=""' in html
    assert 'href="/' not in html.replace('href="/static/', "")
    assert int(page["Content-Length"]) == len(page.content)
    assert "signals-before" in page["Server-Timing"]
    host.send("POST", "/nothing/")
    page = host.send("GET", "/after/")
    assert "The POST before this fired no signals" in page.content.decode()
    assert "signals-before" not in page["Server-Timing"]


@pytest.mark.parametrize(("apps", "told"), [(["shop"], True), (["signal_log"], False)])
def test_of_a_post_to_our_own_pages_that_fired_nothing_nothing_is_told(
    rf: RequestFactory, apps: list[str], told: bool
) -> None:
    """Starting a session is no work of the host's."""
    request = rf.post("/")
    request.resolver_match = SimpleNamespace(app_names=apps)
    assert bool(own_step(request, Cascade([], [], {}), 5)) is told


def test_of_what_the_log_says_of_itself_on_its_own_pages_nothing_is_told(rf: RequestFactory) -> None:
    """A pin would cover the page that it is on; a restore there is work of the host's, and so is a pin elsewhere."""
    for signal, apps, told in (
        ("signal_log.pinned", ["signal_log"], False),
        ("signal_log.pinned", ["shop"], True),
        ("post_save", ["signal_log"], True),
    ):
        request = rf.post("/")
        request.resolver_match = SimpleNamespace(app_names=apps)
        cascade = cascade_of([event_value(signal=signal)])
        assert bool(own_step(request, cascade, 5)) is told, signal


def test_effects_are_indented_below_their_cause() -> None:
    """A receiver stands below its operation, and what it caused below the receiver; bars stay inside the picture."""
    trace = Trace(TraceContext("test"))
    common = {"trace_id": trace.trace_id}
    events = [
        event_value(**common, position=3, operation=3, parent_position=2, caused_by="a.b"),
        event_value(**common, position=1, operation=1, signal="pre_save"),
        event_value(**common, position=2, operation=1),
        event_value(**common, position=4, operation=4, parent_position=3, caused_by="a.c"),
    ]
    calls = [
        (trace, (3, "auth.User", "post_save", "a.c", 500, 400, 2, "")),
        (trace, (1, "auth.User", "pre_save", "a.a", 100, 100, 0, "")),
        (trace, (2, "auth.User", "post_save", "a.b", 400, 600, 1, "")),
        (trace, (2, "auth.User", "post_save", "a.d", 1_000, 300, 0, "")),
    ]
    stats = stats_of(cascade_of(events, runs_of_calls(calls)), 2_000)
    assert [(row["is"], row["indent"], row.get("name") or row["words"]) for row in stats["rows"]] == [
        ("operation", 0, "updated auth.User"),
        ("receiver", 1, "a.a"),
        ("receiver", 1, "a.b"),
        ("operation", 2, "updated auth.User"),
        ("receiver", 3, "a.c"),
        ("operation", 4, "updated auth.User"),
        ("receiver", 1, "a.d"),
    ]
    assert [row["queries"] for row in stats["rows"] if row["is"] == "receiver"] == [0, 1, 2, 0]
    assert all(0 <= row["left"] <= row["left"] + row["width"] <= 1_000 for row in stats["rows"])
    assert stats["findings"][0]["text"].startswith("a.b, called for a save of auth.User, saves the same object again")
    assert "└ b → updated auth.User" in stats["text"]


def test_a_receiver_that_ran_twice_is_marked_and_found() -> None:
    """Both calls are marked, and what to do about it stands on top."""
    trace = Trace(TraceContext("test"))
    call = (1, "auth.User", "post_save", "a.twice", 0, 100, 0, "")
    cascade = cascade_of([event_value(trace_id=trace.trace_id, position=1)], runs_of_calls([(trace, call)] * 2))
    stats = stats_of(cascade, 300)
    assert [row["twice"] for row in stats["rows"] if row["is"] == "receiver"] == [True, True]
    assert [one["kind"] for one in stats["findings"]] == ["runs twice"]
    assert "dispatch_uid" in render_to_string("signal_log/panel.html", stats)


def test_hostile_text_and_secrets_are_harmless_in_the_panel() -> None:
    """Hostile text is escaped and named, and secrets are masked, as on the pages."""
    hostile = "<script>alert(1)</script>\u202e\x07"
    trace = Trace(TraceContext("test"))
    events = [
        event_value(object_repr=hostile, changes={"password": [MASK, MASK], hostile: [hostile, hostile]},
                    caused_by=hostile, error=hostile, outcome="failed", call_site=hostile, trace_id=trace.trace_id)
    ]  # fmt: skip
    calls = [(trace, (2, hostile, hostile, f"receiver {hostile}", 0, 1, 0, hostile))]
    html = render_to_string("signal_log/panel.html", stored(stats_of(cascade_of(events, runs_of_calls(calls)), 1)))
    assert "receiver &lt;script" in html
    assert "<script" not in html
    assert "\x07" not in html
    assert "[U+202E]" in html
    assert MASK in html
    assert "style=" not in html


def stored(stats: dict[str, Any]) -> dict[str, Any]:
    """As the toolbar's store gives them back."""
    found: dict[str, Any] = json.loads(json.dumps(stats))
    return found


def test_many_changes_are_a_line_that_opens() -> None:
    """With the most telling change as its text; the line of code has an absolute path for editors."""
    changes = {name: ["old", "new"] for name in ("status", "title", "total", "note")}
    cascade = cascade_of([event_value(changes=changes, call_site="shop/views.py:83 in save")])
    html = render_to_string("signal_log/panel.html", stored(stats_of(cascade, 1)))
    summary = re.search(r"<summary>(.*?)</summary>", html, re.DOTALL)
    assert summary
    assert re.sub(r"<[^>]+>|\s", "", summary[1]) == "titleold→new+3"
    assert f'data-file="{os.getcwd()}/shop/views.py" data-line="83">shop/views.py:83 in save</button>' in html


def test_a_request_without_signals_says_so() -> None:
    """An empty panel is not an error."""
    assert "No signals" in render_to_string("signal_log/panel.html", stats_of(cascade_of([]), 1))
