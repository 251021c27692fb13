"""Fills a log with traces of many signals, and asks for their pages as a browser does, with the toolbar watching."""

from __future__ import annotations

import statistics
import time
import tracemalloc
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from debug_toolbar.panels.templates import TemplatesPanel
from debug_toolbar.toolbar import DebugToolbar
from django.contrib.auth.models import User
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from signal_log import pipeline
from signal_log.models import ReceiverCall, SignalEvent, SignalTrace
from tests.factories import event_value

BATCH = 2_000
MB = 1_000_000
RECEIVER = "shop.signals.sync_stock"


def measure(pages: dict[str, list[Any]], rounds: int) -> dict[str, Any]:
    """For each page, by name its number of signals and its query: milliseconds, megabytes and the size of the page."""
    warnings.filterwarnings("ignore", "No directory at")
    pipeline.stop()
    call_command("migrate", verbosity=0)
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    found = {}
    traces: dict[int, uuid.UUID] = {}
    for name, (signals, query) in pages.items():
        if signals not in traces:
            traces[signals] = fill(signals)
        address = f"/traces/{traces[signals]}/{query}"
        client.get(address)
        times = [timed(client, address) for _ in range(rounds)]
        peak, size = height(client, address)
        found[name] = {"ms": [one * 1_000 for one in times], "median": statistics.median(times) * 1_000,
                       "peak": peak / MB, "size": size / MB}  # fmt: skip
    return found


def timed(client: Client, address: str) -> float:
    """Seconds of this process that one request takes, without those of a PostgreSQL server."""
    started = time.process_time()
    answer = client.get(address)
    taken = time.process_time() - started
    if answer.status_code != HTTPStatus.OK:
        raise RuntimeError(f"{address} answered {answer.status_code}.")
    return taken


def height(client: Client, address: str) -> tuple[int, int]:
    """How many bytes the request takes at its height while the toolbar's panel of templates watches, and its size."""
    with watching() as panel:
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        response = client.get(address)
        panel.generate_stats(HttpRequest(), response)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak - before, len(response.content)


@contextmanager
def watching() -> Iterator[TemplatesPanel]:
    """The toolbar's panel of templates, enabled."""
    toolbar = DebugToolbar(RequestFactory().get("/"), lambda _: HttpResponse())
    panel = TemplatesPanel(toolbar, lambda _: HttpResponse())
    panel.enable_instrumentation()
    try:
        yield panel
    finally:
        panel.disable_instrumentation()


def fill(signals: int) -> uuid.UUID:
    """Store a trace of so many signals: half as many saves with a receiver each, of which a tenth was rolled back."""
    trace, start = uuid.uuid4(), datetime.now(UTC) - timedelta(minutes=10)
    base = event_value(sender="shop.Item", trace_id=trace, call_site="shop/imports.py:83 in import_stock")._asdict()
    base["trace_id"] = trace
    for first in range(1, signals, BATCH):
        events, calls = [], []
        for position in range(first, min(first + BATCH, signals), 2):
            number = position // 2
            at = {"object_pk": str(number), "object_repr": f"Item {number} of the warehouse", "operation": position,
                  "changes": {"stock": [number, number + 1], "updated": ["2026-11-28T10:00:00Z", "2026-11-28T10:01Z"]},
                  "outcome": "rolled_back" if number % 10 == 0 else "committed"}  # fmt: skip
            for offset, signal in enumerate(("pre_save", "post_save")):
                when = start + timedelta(microseconds=position * 200 + offset * 50)
                own = {"signal": signal, "position": position + offset, "occurred_at": when}
                events.append(SignalEvent(**{**base, **at, **own, "created": None if offset == 0 else False}))
            calls.append(
                ReceiverCall(trace_id=trace, position=position + 1, sender="shop.Item", signal="post_save",
                             receiver=RECEIVER, started_us=position * 200, duration_us=200 + number % 7, queries=2)
            )  # fmt: skip
        SignalEvent.objects.bulk_create(events)
        ReceiverCall.objects.bulk_create(calls)
    SignalTrace.objects.create(
        trace_id=trace, source="http", name="POST /import/", started_at=start, duration_us=signals * 300, status="200",
        events=signals, operations=signals // 2, failed=0, silent=0, slowest_receiver=RECEIVER, slowest_us=210,
    )  # fmt: skip
    return trace
