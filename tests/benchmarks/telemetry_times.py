"""Times in one process what telemetry adds to a receiver's call and to a save, and what recording adds to a fixture."""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import serializers
from django.core.management import call_command
from django.db import transaction
from django.db.models.signals import post_save
from django.test import override_settings

from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.trace import new_trace
from signal_log.models import ReceiverCall, SignalTrace
from tests.benchmarks.loggers import LOGGERS, prepare
from tests.benchmarks.measuring import new_person, people, updates
from tests.benchmarks.models import Person
from tests.benchmarks.turns import Times, taking_turns

RECEIVERS = 20
CALLS = 1_000
"""Calls of a trace: as many as one hands over at once, so that their writing is in the time."""
LONE = 200
FIXTURE = 700


def measure(rounds: int) -> dict[str, Times]:
    """Return processor times by measurement and contestant: microseconds a call or save, seconds a fixture."""
    prepare(people)
    return {
        "call": taking_turns({"without": calls_without, "with": calls_with}, rounds),
        "lone": taking_turns({"without": lone_without, "with": lone_with, "with, again": lone_with}, rounds),
        "fixture": fixtures(rounds),
    }


@contextmanager
def recording(*, telemetry: bool) -> Iterator[None]:
    """Record with the defaults, or with telemetry off."""
    off = {} if telemetry else {"TRACES": False, "RECEIVERS": False}
    with override_settings(SIGNAL_LOG={**settings.SIGNAL_LOG, **off}), LOGGERS["signal_log"].on():
        yield


# --- a receiver's call --------------------------------------------------------------------------------
def calls_without() -> float:
    """Return microseconds of a call whose time nobody keeps."""
    return calls(telemetry=False)


def calls_with() -> float:
    """Return microseconds of a call, its row included."""
    return calls(telemetry=True)


def calls(*, telemetry: bool) -> float:
    """Save people with many receivers in one trace, and divide by the calls."""
    receivers = [receiver() for _ in range(RECEIVERS)]
    before = ReceiverCall.objects.count()
    with recording(telemetry=telemetry):
        save = updates(Person, 0)
        for each in receivers:
            post_save.connect(each, sender=Person)
        started = time.process_time()
        with new_trace(default_context()):
            for index in range(CALLS // RECEIVERS):
                save(index)
        taken = time.process_time() - started
        for each in receivers:
            post_save.disconnect(each, sender=Person)
    expect(ReceiverCall.objects.count() - before, CALLS if telemetry else 0, "calls")
    return taken / CALLS * 1e6


def receiver() -> Callable[..., None]:
    """Return a receiver that does nothing."""
    return lambda **_: None


# --- a lone save, without receivers -------------------------------------------------------------------
def lone_without() -> float:
    """Return microseconds of a save without telemetry."""
    return lone(telemetry=False)


def lone_with() -> float:
    """Return microseconds of a save with it: there is nothing to keep."""
    return lone(telemetry=True)


def lone(*, telemetry: bool) -> float:
    """Save people outside any trace."""
    before = SignalTrace.objects.count()
    with recording(telemetry=telemetry):
        save = updates(Person, 0)
        started = time.process_time()
        for index in range(LONE):
            save(index)
        taken = time.process_time() - started
    expect(SignalTrace.objects.count() - before, 0, "traces")
    return taken / LONE * 1e6


def expect(found: int, wanted: int, what: str) -> None:
    """End the benchmark if the work was not done."""
    if found != wanted:
        raise RuntimeError(f"{found} {what} were written instead of {wanted}.")


# --- a fixture ----------------------------------------------------------------------------------------
def fixtures(rounds: int) -> Times:
    """Return user seconds of ``loaddata``: the kernel's share depends on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.json"
        made = [new_person(Person) for _ in range(FIXTURE)]
        for number, person in enumerate(made):
            person.pk = 1_000_000 + number
            person.created = person.updated = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
        path.write_text(serializers.serialize("json", made))
        if len(json.loads(path.read_text())) != FIXTURE:
            raise RuntimeError("The fixture is not whole.")
        return taking_turns({name: lambda name=name: load(path, name) for name in ("bare", "signal_log")}, rounds)  # type: ignore[misc]


def load(path: Path, logger: str) -> float:
    """Load the fixture into a table without its rows."""
    log: Any = LOGGERS["signal_log"].log
    before = log.objects.count()
    with LOGGERS[logger].on():
        started = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        call_command("loaddata", str(path), verbosity=0)
        taken = resource.getrusage(resource.RUSAGE_SELF).ru_utime - started
    expect(log.objects.count() - before, 2 * FIXTURE if logger == "signal_log" else 0, "events")
    with transaction.atomic():
        Person._base_manager.filter(pk__gte=1_000_000)._raw_delete("default")
    return taken
