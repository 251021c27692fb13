"""Measures what sessions cost the requests that none of them records, beside an A/A test, and those that one does."""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import time
from typing import Any

from tests.benchmarks.markdown import head, line
from tests.benchmarks.process import DATABASES, NAMES, measured

ROUNDS = 400
SAVES = 3
WAYS = ("no session", "no session, again", "another browser's session runs", "recorded")


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.unrecorded", description=__doc__)
    parser.add_argument("--database", choices=DATABASES, action="append", help="default: both")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    found = {
        name: measured("tests.benchmarks.unrecorded", name, "tests.settings", rounds=options.rounds)
        for name in options.database or DATABASES
    }
    print("\n".join(head([f"a request of {SAVES} saves, median ms (ratio)", *(NAMES[name] for name in found)])))
    for way in WAYS:
        first = (one["medians"][WAYS[0]] for one in found.values())
        cells = (one["medians"][way] for one in found.values())
        print(line([way, *(f"{ms:.2f} ({ms / base:.3f})" for ms, base in zip(cells, first, strict=True))]))


def measure(rounds: int) -> dict[str, Any]:
    """Return the median of each way in ms, taken in turns in an order that chance decides."""
    from django.core.management import call_command
    from django.db import transaction
    from django.http import HttpRequest, HttpResponse
    from django.test import RequestFactory

    from signal_log.capture.middleware import SignalLogMiddleware
    from signal_log.models import DebugSession
    from signal_log.telemetry import recorded
    from tests.shop.models import Category

    call_command("migrate", verbosity=0, run_syncdb=True)
    names = itertools.count()

    def view(request: HttpRequest) -> HttpResponse:
        with transaction.atomic():
            for _ in range(SAVES):
                Category.objects.create(name=str(next(names)))
        return HttpResponse()

    middleware, requests = SignalLogMiddleware(view), RequestFactory()
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(rounds):
        session = recorded.start(f"round {number}", DebugSession.Scope.CLIENT)
        token = recorded.token(session)
        recorded.stop(session)
        for way in random.sample(WAYS, len(WAYS)):
            if way in WAYS[2:]:
                session = recorded.start(f"{way} {number}", DebugSession.Scope.CLIENT)
                token = recorded.token(session)
            headers = {"X-Signal-Session": token} if way == "recorded" else {}
            request = requests.post("/", headers=headers)
            middleware(requests.post("/"))  # what starting and stopping left to do
            began = time.perf_counter()
            middleware(request)
            taken[way].append(time.perf_counter() - began)
            if way in WAYS[2:]:
                recorded.stop(session)
    return {"medians": {way: 1_000 * statistics.median(times) for way, times in taken.items()}}


if __name__ == "__main__":
    main()
