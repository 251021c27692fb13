"""Measures the memory of a transaction's events while they wait for its COMMIT, and while they are written.

The same saves are made without the recorder too, and their memory, Django's own objects, is subtracted.
"""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

from django.db import connection, transaction

from signal_log.models import SignalEvent
from tests.benchmarks.loggers import LOGGERS, prepare
from tests.benchmarks.measuring import creates, people, updates

EVENTS_PER_SAVE = 2
KINDS = {"update": updates, "create": creates}


def measure(saves: int) -> dict[str, Any]:
    """Return bytes per event by kind of save: right before COMMIT, and at the peak of the COMMIT."""
    prepare(people)
    found = {}
    for kind in KINDS:
        for logger in ("bare", "signal_log"):  # not measured: what the first event imports and caches
            block(kind, logger, 10)
        events = saves * EVENTS_PER_SAVE
        bare, recorded = block(kind, "bare", saves), block(kind, "signal_log", saves)
        found[kind] = {
            name: (with_log - without) / events
            for name, with_log, without in zip(("held", "peak"), recorded, bare, strict=True)
        }
    return found


def block(kind: str, logger: str, saves: int) -> tuple[int, int]:
    """Return the bytes that a block of this many saves added, right before its COMMIT and at its peak."""
    before = SignalEvent.objects.count()
    with LOGGERS[logger].on():
        save = KINDS[kind](LOGGERS[logger].person, saves)
        gc.collect()
        tracemalloc.start()
        start = tracemalloc.get_traced_memory()[0]
        with transaction.atomic():
            for index in range(saves):
                save(index)
            gc.collect()
            held = tracemalloc.get_traced_memory()[0] - start
            if logger == "signal_log" and written_so_far() != before:
                raise RuntimeError(f"Of {saves} saves some events were written before COMMIT: measure fewer.")
            tracemalloc.reset_peak()
        peak = tracemalloc.get_traced_memory()[1] - start
        tracemalloc.stop()
    if logger == "signal_log" and SignalEvent.objects.count() - before != saves * EVENTS_PER_SAVE:
        raise RuntimeError(f"{saves} saves did not leave {EVENTS_PER_SAVE} events each.")
    return held, peak


def written_so_far() -> int:
    """Count the log's rows without Django, through which the query itself would write them."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(f"SELECT count(*) FROM {SignalEvent._meta.db_table}")  # noqa: S608  our own name
        count: int = cursor.fetchone()[0]
        return count
    finally:
        cursor.close()
