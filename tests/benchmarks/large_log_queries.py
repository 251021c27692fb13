"""Queries the history of a log that was filled by SQL, as a reader would, and times each answer."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from time import perf_counter
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.test.utils import override_settings, setup_test_environment
from django.utils import timezone

from signal_log import pipeline
from tests.benchmarks.large_log_rows import DAYS, fill

TIMES = 3
PLAIN_FILES = "django.contrib.staticfiles.storage.StaticFilesStorage"
PAGES = 50
"""How many pieces of an export are read to measure its rate."""


def measure(events: int) -> dict[str, Any]:
    """Return the milliseconds of each query, first and best, and the events per second of an export."""
    warnings.filterwarnings("ignore", "No directory at")  # static files are neither collected nor requested
    logging.disable(logging.INFO)
    setup_test_environment(debug=False)  # the page's context says where the next one begins
    override_settings(STORAGES=settings.STORAGES | {"staticfiles": {"BACKEND": PLAIN_FILES}}).enable()
    pipeline.stop()
    call_command("migrate", verbosity=0)
    fill(events)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("reader"))
    return {
        "events": events,
        "questions": {name: dict(run_queries(client, query, events // 2)) for name, query in questions().items()},
        "pace": {kind: pace(client, kind) for kind in ("jsonl", "csv")},
    }


def questions() -> dict[str, dict[str, str]]:
    """Return filters that match nearly all, few or no events, with an index and without."""
    now = timezone.now()

    def ago(**span: float) -> str:
        return (now - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")

    five = {"since": ago(days=DAYS / 2), "until": ago(days=DAYS / 2 - 5)}
    return {
        "no filter": {},
        "common: `source=http`": {"source": "http"},
        "common: `sender=users.Profile`": {"sender": "users.Profile"},
        "1 in 1,000: `actor`": {"actor": "person 7"},
        "1 in 500: `outcome=rolled_back`": {"outcome": "rolled_back"},
        "1 in a million, index: `sender`": {"sender": "shop.Rare"},
        "1 in a million, no index: `source`": {"source": "command:rare"},
        "1 in a million, no index: `q`": {"q": "needle"},
        "none, no index: `outcome=failed`": {"outcome": "failed"},
        f"`since` {DAYS // 2} days ago": {"since": ago(days=DAYS / 2)},
        f"`until` {DAYS // 2} days ago": {"until": ago(days=DAYS / 2)},
        "five days in the middle": five,
        "the same, 1 in a million": five | {"sender": "shop.Rare"},
    }


def run_queries(client: Client, query: dict[str, str], middle: int) -> Iterator[tuple[str, list[float]]]:
    """Run each kind of query a few times."""
    first = client.get("/events/", query).context
    older = first["page"].older if first else None
    yield "page", timed(client, query)
    if older:
        yield "older", timed(client, query | {"before": str(older)})
    yield "middle", timed(client, query | {"before": str(middle)})
    if not {"since", "until"} & set(query):
        yield "counts", timed(client, query | {"format": "counts"})
    for kind in ("jsonl", "csv"):
        yield kind, timed(client, query | {"format": kind})


def timed(client: Client, query: dict[str, str]) -> list[float]:
    """Return milliseconds until the answer, or until an export's first page of events."""
    return [once(client, query) for _ in range(TIMES)]


def once(client: Client, query: dict[str, str]) -> float:
    """Time one query."""
    started = perf_counter()
    answer = client.get("/events/", query)
    if answer.status_code != 200:
        raise RuntimeError(f"{query} got the status {answer.status_code}.")
    if answer.streaming:
        for _ in islice(answer.streaming_content, 2):
            pass
    taken = (perf_counter() - started) * 1000
    answer.close()
    return taken


def pace(client: Client, kind: str) -> float:
    """Return the events per second of an export without filters."""
    started = perf_counter()
    answer = client.get("/events/", {"format": kind})
    events = sum(
        chunk.count(b"post_save") + chunk.count(b"pre_save") for chunk in islice(answer.streaming_content, PAGES)
    )
    answer.close()
    return events / (perf_counter() - started)
