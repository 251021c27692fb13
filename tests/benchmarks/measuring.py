"""Times saves in one process and one database: bare, with a hand-written log, and with signal_log.

The ways take turns within each round, so that a machine that slows down slows them all down alike.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

import orjson
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.signals import post_save

from signal_log import pipeline
from signal_log.models import SignalEvent
from tests.benchmarks.models import Handwritten, Person

PEOPLE = 100
BLOCK = 100
INSERT = "INSERT INTO benchmarks_handwritten (label, object_pk, created, new_values, at) VALUES (%s, %s, %s, %s, %s)"
FIELDS = [field.attname for field in Person._meta.concrete_fields]

numbers = itertools.count()

# --- the ways a save is logged ----------------------------------------------------------------------


@contextmanager
def bare() -> Iterator[None]:
    """Django alone."""
    yield


@contextmanager
def handwritten() -> Iterator[None]:
    """A receiver of ``post_save`` with one INSERT by hand."""
    post_save.connect(write_by_hand, sender=Person)
    try:
        yield
    finally:
        post_save.disconnect(write_by_hand, sender=Person)


def write_by_hand(instance: Person, created: bool, **_: Any) -> None:
    """The receiver."""
    values = {name: instance.__dict__[name] for name in FIELDS}
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT,
            ["benchmarks.Person", str(instance.pk), created, orjson.dumps(values).decode(), datetime.now(UTC)],
        )


@contextmanager
def signal_log() -> Iterator[None]:
    """The recorder with its defaults."""
    pipeline.start()
    try:
        yield
    finally:
        pipeline.stop()


WAYS: dict[str, Callable[[], Any]] = {"bare": bare, "handwritten": handwritten, "signal_log": signal_log}
ROWS_PER_SAVE = {"bare": (0, 0), "handwritten": (1, 0), "signal_log": (0, 2)}
"""Rows in the hand-written log and in the event log: who writes less has not done the work."""

# --- what is saved ----------------------------------------------------------------------------------


def new_person() -> Person:
    """A person of the usual size, not saved yet."""
    number = next(numbers)
    return Person(
        username=f"ada{number}",
        email=f"ada{number}@example.org",
        name="Ada",
        headline="Compiler engineer",
        bio="Learned to program on a machine with toggle switches. Answers mail on Thursdays.",
        location="London",
    )


def updates(saves: int) -> Callable[[int], None]:
    """Two changed fields of loaded rows, each row in its turn, saved whole."""
    people = list(Person.objects.order_by("pk")[:PEOPLE])

    def update(index: int) -> None:
        person = people[index % PEOPLE]
        person.headline = f"Compiler engineer, {next(numbers)}"
        person.visits += 1
        person.save()

    return update


def creates(saves: int) -> Callable[[int], None]:
    """New rows."""
    people = [new_person() for _ in range(saves)]
    return lambda index: people[index].save()


SCENES: dict[str, tuple[Callable[[int], Callable[[int], None]], bool]] = {
    "update, autocommit": (updates, False),
    f"update, in atomic blocks of {BLOCK}": (updates, True),
    "create, autocommit": (creates, False),
    f"create, in atomic blocks of {BLOCK}": (creates, True),
}

# --- measuring --------------------------------------------------------------------------------------


def prepare() -> None:
    """Tables, and people to change."""
    pipeline.stop()  # the app has started it; the ways turn it on
    call_command("migrate", run_syncdb=True, verbosity=0)
    Person.objects.bulk_create(new_person() for _ in range(PEOPLE))


def measure(rounds: int, saves: int) -> dict[str, Any]:
    """Microseconds a save, by scene and way, one number a round; one round more, unmeasured, warms up."""
    times: dict[str, dict[str, list[float]]] = {scene: {way: [] for way in WAYS} for scene in SCENES}
    written: dict[str, tuple[float, ...]] = {}
    for number in range(-1, rounds):
        for scene in SCENES:
            for way in turn(list(WAYS), number):
                taken, written[way] = sample(scene, way, saves)
                if number >= 0:
                    times[scene][way].append(taken)
    return {"times": times, "rows_per_save": written}


def turn(ways: list[str], number: int) -> list[str]:
    """Another one goes first in each round."""
    first = number % len(ways)
    return ways[first:] + ways[:first]


def sample(scene: str, way: str, saves: int) -> tuple[float, tuple[float, ...]]:
    """Microseconds a save, over so many saves, their commits included, and the rows each left in the logs."""
    kind, blocks = SCENES[scene]
    size = BLOCK if blocks else 1
    before = rows()
    with WAYS[way]():
        save = kind(saves)
        gc.collect()
        started = time.perf_counter()
        for start in range(0, saves, size):
            with transaction.atomic() if blocks else nullcontext():
                for index in range(start, start + size):
                    save(index)
        taken = time.perf_counter() - started
    written = tuple((now - then) / saves for now, then in zip(rows(), before, strict=True))
    if written != ROWS_PER_SAVE[way]:
        raise RuntimeError(f"{scene}, {way}: wrote {written} rows a save, not {ROWS_PER_SAVE[way]}.")
    Person.objects.filter(pk__gt=PEOPLE)._raw_delete(using="default")
    return taken / saves * 1e6, written


def rows() -> tuple[int, int]:
    """How many rows the two logs have."""
    return Handwritten.objects.count(), SignalEvent.objects.count()
