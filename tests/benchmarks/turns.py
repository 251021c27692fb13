"""Lets contestants take turns in one process, so that a machine that slows down slows all of them down."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable

from django.db import connection

Times = dict[str, list[float]]


def taking_turns(contestants: dict[str, Callable[[], float]], rounds: int) -> Times:
    """Run all contestants in each round, in random order, after a round that does not count."""
    lots = random.Random(0)
    times: Times = {name: [] for name in contestants}
    for number in range(-1, rounds):
        for name in lots.sample(list(contestants), len(contestants)):
            bring_home()
            gc.collect()
            taken = contestants[name]()
            if number >= 0:
                times[name].append(taken)
    return times


def bring_home() -> None:
    """Move SQLite's write-ahead log into the database, which the next logger would otherwise have to pay for."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint")
