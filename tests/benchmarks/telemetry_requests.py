"""Counts what a request of the reference installation sends to the database for telemetry, and times it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from signal_log import pipeline
from signal_log.models import SignalTrace
from signal_log.telemetry import sessions
from tests.benchmarks.edits import edit, visitor
from tests.benchmarks.turns import taking_turns
from tests.benchmarks.wire import statements, watched

EDITS = 10


def measure(rounds: int) -> dict[str, Any]:
    """Return statements and messages of a request with and without telemetry, and its processor microseconds."""
    warnings.filterwarnings("ignore", "No directory at")  # static files are neither collected nor requested
    pipeline.stop()
    call_command("migrate", verbosity=0)
    somebody = visitor(0)
    contestants = {"without": requests(somebody, telemetry=False), "with": requests(somebody, telemetry=True)}
    found: dict[str, Any] = {"times": taking_turns({name: run for name, (run, _) in contestants.items()}, rounds)}
    for name, (_, count) in contestants.items():
        found[name] = count()
    return found


def requests(somebody: Any, *, telemetry: bool) -> tuple[Callable[[], float], Callable[[], list[int]]]:
    """Return what times edits of a profile, and what counts the statements and messages of one."""
    numbers = iter(range(1_000_000 * telemetry, 1_000_000 * (telemetry + 1)))
    off = {} if telemetry else {"TRACES": False, "RECEIVERS": False}

    def timed(edits: int = EDITS) -> float:
        before = SignalTrace.objects.count()
        with override_settings(SIGNAL_LOG={**settings.SIGNAL_LOG, **off}):
            pipeline.start()
            started = time.process_time()
            for _ in range(edits):
                edit(somebody, next(numbers))
            taken = time.process_time() - started
            pipeline.stop()
        written = SignalTrace.objects.count() - before
        if written != edits * telemetry:
            raise RuntimeError(f"{edits} requests left {written} traces.")
        return taken / edits * 1e6

    def counted() -> list[int]:
        # A process looks once a second for sessions that have begun: not in every request.
        with mock.patch.object(sessions.looks, "next_at", float("inf")), watched(connection) as sent:
            timed(1)
            messages = [message for message in sent() if "count(" not in message.lower()]  # this benchmark's own
        return [sum(len(statements(message)) for message in messages), len(messages)]

    return timed, counted
