"""Measures what the toolbar's panel and a recorded session cost a request of ten saves, beside the SQL panel's cost."""

from __future__ import annotations

import argparse
import gc
import itertools
import random
import statistics
import time
from typing import NamedTuple

from tests.benchmarks.markdown import head, line
from tests.benchmarks.process import DATABASES, NAMES, measured

SAVES = 10
ROUNDS = 100
OURS = "signal_log.show.panel.SignalLogPanel"


class Way(NamedTuple):
    """A toolbar with these panels, and whether a session records the request."""

    panels: tuple[str, ...] = ()
    recorded: bool = False


WAYS = {
    "no panel": Way(),
    "no panel, again (A/A)": Way(),
    "its own SQL panel": Way(("debug_toolbar.panels.sql.SQLPanel",)),
    "the signal log's panel": Way((OURS,)),
    "no panel, recorded by a session": Way((), recorded=True),
    "the signal log's panel, recorded": Way((OURS,), recorded=True),
}


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.panel", description=__doc__)
    parser.add_argument("--database", choices=DATABASES, action="append", help="default: both")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    found = {
        name: measured("tests.benchmarks.panel", name, "tests.settings", rounds=options.rounds)
        for name in options.database or DATABASES
    }
    columns = [column for name in found for column in (f"{NAMES[name]}: ms", "added µs a save", "of the SQL panel's")]
    print("\n".join(head(["the toolbar with", *columns])))
    for way in WAYS:
        print(line([way, *(cell for times in found.values() for cell in cells(times, way))]))


def cells(times: dict[str, float], way: str) -> list[str]:
    """The median, what that is more than without a panel, and how much of what the SQL panel adds."""
    base = times["no panel"]
    added, by_sql = times[way] - base, times["its own SQL panel"] - base
    if way == "no panel":
        return [f"{base:.1f}", "", ""]
    return [f"{times[way]:.1f}", f"{1_000 * added / SAVES:.0f}", f"{added / by_sql:.2f}" if by_sql > 0 else ""]


def measure(rounds: int) -> dict[str, float]:
    """Return the median processor time of each way in ms, in turns: the request, and what is written at its end."""
    from django.conf import settings
    from django.core.management import call_command
    from django.db import transaction
    from django.http import HttpRequest, HttpResponse
    from django.test import RequestFactory

    settings.DEBUG = True
    settings.DEBUG_TOOLBAR_CONFIG = {"SHOW_TOOLBAR_CALLBACK": lambda request: True}
    from debug_toolbar import settings as toolbar_settings
    from debug_toolbar.middleware import DebugToolbarMiddleware
    from debug_toolbar.toolbar import DebugToolbar, debug_toolbar_urls

    from observatory import urls
    from signal_log.capture.middleware import SignalLogMiddleware
    from signal_log.models import DebugSession
    from signal_log.telemetry import recorded
    from tests.shop.models import Category

    call_command("migrate", verbosity=0, run_syncdb=True)
    urls.urlpatterns += debug_toolbar_urls()
    names = itertools.count()

    def view(request: HttpRequest) -> HttpResponse:
        with transaction.atomic():
            for _ in range(SAVES):
                Category.objects.create(name=str(next(names)))
        return HttpResponse("<html><body></body></html>")

    taken: dict[str, list[float]] = {name: [] for name in WAYS}
    middleware, requests = DebugToolbarMiddleware(SignalLogMiddleware(view)), RequestFactory()
    for number in range(-3, rounds):
        gc.collect()
        for name, way in random.sample(list(WAYS.items()), len(WAYS)):
            settings.DEBUG_TOOLBAR_PANELS = list(way.panels)
            DebugToolbar._panel_classes = None
            toolbar_settings.get_panels.cache_clear()
            headers = {}
            if way.recorded:
                session = recorded.start(f"{name} {number}", DebugSession.Scope.CLIENT)
                headers["X-Signal-Session"] = recorded.token(session)
            request = requests.get("/", headers=headers)
            began = time.process_time()
            response = middleware(request)
            request.close()
            if number >= 0:
                taken[name].append(time.process_time() - began)
            assert "X-Signal-Trace" in response.headers
            assert ("signal-log-strip" in response.content.decode()) == (OURS in way.panels)
            if way.recorded:
                recorded.stop(session)
                session.refresh_from_db()
                assert session.traces == 1
    return {name: 1_000 * statistics.median(times) for name, times in taken.items()}


if __name__ == "__main__":
    main()
