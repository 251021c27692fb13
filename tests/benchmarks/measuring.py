"""Times saves in one process and one database, with each logger.

The loggers alternate within each round, so a machine that slows down slows all of them down. Their order is random in
each round, so none always follows the same other one.
"""

from __future__ import annotations

import gc
import itertools
import random
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from django.db import transaction

from tests.benchmarks import same_rows
from tests.benchmarks.loggers import LOGGERS, Logger, logs, prepare, rows
from tests.benchmarks.models import PersonFields
from tests.benchmarks.turns import bring_home

PEOPLE = 100
BLOCK = 100

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
"""Processor time leaves out what waits: other programs, the disk, and PostgreSQL's server, which is another process."""

numbers = itertools.count()
Save = Callable[[int], None]

# --- what is saved ----------------------------------------------------------------------------------


def new_person(person: type[PersonFields]) -> PersonFields:
    """Return a person of the usual size, not saved yet."""
    number = next(numbers)
    return person(
        username=f"ada{number}",
        email=f"ada{number}@example.org",
        name="Ada",
        headline="Compiler engineer",
        bio="Learned to program on a machine with toggle switches. Answers mail on Thursdays.",
        location="London",
    )


def people(person: type[PersonFields]) -> None:
    """Return the people whose rows are updated."""
    person._base_manager.bulk_create(new_person(person) for _ in range(PEOPLE))


def updates(person: type[PersonFields], saves: int) -> Save:
    """Update two fields of loaded rows, one row after another, each saved whole."""
    loaded = list(person._base_manager.order_by("pk")[:PEOPLE])

    def update(index: int) -> None:
        instance: Any = loaded[index % PEOPLE]
        instance.headline = f"Compiler engineer, {next(numbers)}"
        instance.visits += 1
        instance.save()

    return update


def creates(person: type[PersonFields], saves: int) -> Save:
    """Create rows."""
    made = [new_person(person) for _ in range(saves)]
    return lambda index: made[index].save()


SCENES: dict[str, tuple[Callable[[type[PersonFields], int], Save], bool]] = {
    "update, autocommit": (updates, False),
    f"update, in atomic blocks of {BLOCK}": (updates, True),
    "create, autocommit": (creates, False),
    f"create, in atomic blocks of {BLOCK}": (creates, True),
}

# --- measuring --------------------------------------------------------------------------------------


def measure(rounds: int, saves: int, clock: str) -> dict[str, Any]:
    """Return microseconds per save, by scene and logger, one number per round after an unmeasured warm-up round."""
    prepare(people)
    same_rows.compare()
    lots = random.Random(0)
    times: dict[str, dict[str, list[float]]] = {scene: {logger: [] for logger in LOGGERS} for scene in SCENES}
    for number in range(-1, rounds):
        for scene in SCENES:
            for logger in lots.sample(list(LOGGERS), len(LOGGERS)):
                taken = sample(scene, logger, saves, clock)
                if number >= 0:
                    times[scene][logger].append(taken)
    return {"times": times, "logs": logs()}


def sample(scene: str, name: str, saves: int, clock: str = "wall") -> float:
    """Return microseconds per save, with commits and pages; if not every save was logged, end the benchmark."""
    kind, blocks = SCENES[scene]
    logger: Logger = LOGGERS[name]
    size = BLOCK if blocks else 1
    before = rows()
    bring_home()
    with logger.on():
        save = kind(logger.person, saves)
        gc.collect()
        started = CLOCKS[clock]()
        for start in range(0, saves, size):
            with transaction.atomic() if blocks else nullcontext():
                for index in range(start, start + size):
                    save(index)
        bring_home()
        taken = CLOCKS[clock]() - started
    written = {log: count - before[log] for log, count in rows().items() if count != before[log]}
    if written != ({name: logger.rows * saves} if logger.log else {}):
        raise RuntimeError(f"{scene}, {name}: {saves} saves left {written} in the logs, not {logger.rows} rows each.")
    logger.person._base_manager.filter(pk__gt=PEOPLE)._raw_delete(using="default")
    return taken / saves * 1e6
