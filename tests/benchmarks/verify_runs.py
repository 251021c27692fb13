"""What `verify` runs, each in a process of its own: filling and sealing a log, and verifying it."""

from __future__ import annotations

import os
import resource
import uuid
from datetime import UTC, datetime, timedelta
from time import perf_counter, process_time
from typing import Any, Final

from django.core.management import call_command
from django.db import connection, transaction

from signal_log.event import Event
from signal_log.models import SignalEvent
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.seal.stored import current_tree
from signal_log.seal.verify.rows import hashing as hashing_of
from signal_log.seal.verify.rows import selected
from signal_log.seal.verify.run import verify
from signal_log.seal.verify.wanted import INTACT, Wanted
from signal_log.store.append import append

BATCH: Final = 5_000
HASHED: Final = 50_000
BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)


def fill(events: int) -> int:
    """Append up to so many events, a pre and a post of each save, and seal them."""
    call_command("migrate", verbosity=0)
    tree = current_tree() or begin_tree("log.example/benchmark/1")
    for number in range(SignalEvent.objects.count(), events, BATCH):
        with transaction.atomic():
            append([event for at in range(number, number + BATCH, 2) for event in save(at)], connection)
    while grow(tree, 2**62):
        pass
    checkpoint(tree)
    return tree.size


def save(number: int) -> list[Event]:
    """The two events of a save."""
    shared: dict[str, Any] = {
        "sender": "auth.User", "using": "default", "trace_id": str(uuid.uuid4()), "operation": 1, "source": "http",
        "occurred_at": BEGIN + timedelta(milliseconds=number), "process": "web-1:4242",
        "object_pk": str(number % 50_000), "object_repr": f"person {number % 50_000}",
        "actor_pk": str(number % 1_000), "actor_repr": "grace",
        "changes": {"email": [f"a{number}@example.org", f"b{number}@example.org"], "first_name": ["Ada", "Augusta"]},
        "request_id": f"{number:016x}", "method": "POST", "path": "/accounts/profile/", "remote_addr": "198.51.100.7",
    }  # fmt: skip
    return [
        Event(signal="pre_save", position=1, salt=os.urandom(32), **shared),
        Event(signal="post_save", position=2, salt=os.urandom(32), created=False, overwrote=[], **shared),
    ]


def verified() -> dict[str, Any]:
    """Verify everything; the memory is the process's at its height."""
    began, cpu = perf_counter(), process_time()
    result = verify(Wanted())
    seconds, cpu = perf_counter() - began, process_time() - cpu
    assert result.verdict == INTACT, result.report
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"events": result.seen.rows, "seconds": seconds, "cpu": cpu, "megabytes": megabytes}


def hashing() -> float:
    """Events a second of processor time, from raw values to leaves."""
    with connection.cursor() as cursor:
        cursor.execute(f"{selected(connection)} ORDER BY id LIMIT {HASHED}")
        rows = cursor.fetchall()
    hashed = hashing_of(connection)
    began = process_time()
    hashed.rows(rows)
    return len(rows) / (process_time() - began)
