"""What partitions cost on PostgreSQL, and changing them: `python -m tests.benchmarks.partitions [EVENTS [WHAT]]`.

WHAT is `compared` or `changed`, else both. First the same writes and reads, in turns, on a log without partitions and
on logs with some, in one run. Then a log of so many events is converted, gets partitions, and one is replaced by what
a prune would leave of it, while two threads save all the time; printed is for how long nobody could write, and the
longest save.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.servers.postgres import Postgres

PARTS = (0, 1, 20, 100)
TURNS = 40
A_TURN = 20


def compared() -> None:
    """Writes and reads, on logs with so many partitions; each log has its newest events in the last but a few."""
    from django.db import connections

    from signal_log.models import SignalEvent
    from signal_log.store.append import append
    from signal_log.store.partitions.convert import convert
    from signal_log.store.partitions.statements import attached, made, name_of
    from signal_log.store.partitions.table import run
    from signal_log.store.row import TABLE
    from tests.factories import event_value

    logs = {}
    for parts in PARTS:
        logs[parts] = one = connections["default"] = connections.create_connection("default")
        one.settings_dict = {**one.settings_dict, "NAME": f"log{parts}", "ATOMIC_REQUESTS": False}
        one.settings_dict["OPTIONS"] = {k: v for k, v in one.settings_dict["OPTIONS"].items() if k != "pool"}
        if parts:
            append([event_value()], one)
            convert(one, 1_000, lambda _: None, patience=60)
            for at in range(5, parts):
                bounds = (at * 1_000 + 1, at * 1_000 + 1_001)
                run(one, [*made("public", TABLE, name_of(bounds), "postgres"),
                          attached("public", TABLE, name_of(bounds), bounds)])  # fmt: skip
            with one.cursor() as cursor:
                cursor.execute(f"SELECT setval('{TABLE}_id_seq', {max(1, parts - 3) * 1_000 + 1})")
        append([event_value() for _ in range(100)], one)
    newest = str(SignalEvent.objects.order_by("-pk")[:50].query)
    trace = str(SignalEvent.objects.filter(trace_id=event_value().trace_id).query)
    trace = trace[: trace.rindex("WHERE")] + "WHERE trace_id = '01a225cd-bb6d-76dc-b1dd-21e47094c994' ORDER BY position"
    acts: dict[str, Callable[[Any], Any]] = {
        "2 events, autocommit": lambda one: append([event_value(), event_value()], one),
        "40 events by COPY": lambda one: append([event_value() for _ in range(40)], one),
        "the newest 50 events": lambda one: asked(one, newest),
        "one trace": lambda one: asked(one, trace),
    }
    for name, act in acts.items():
        took: dict[int, list[float]] = {parts: [] for parts in PARTS}
        for _ in range(TURNS):
            for parts, one in logs.items():
                began = time.perf_counter()
                for _ in range(A_TURN):
                    act(one)
                took[parts].append((time.perf_counter() - began) / A_TURN)
        plain = statistics.median(took[0])
        shown = [f"{parts} {statistics.median(took[parts]) / plain:.2f}" for parts in PARTS[1:]]
        print(f"{name}: {plain * 1e6:.0f} µs without; of that, with partitions: {', '.join(shown)}", flush=True)
    for one in logs.values():
        one.close()


def asked(one: Any, sql: str) -> None:
    """Read it all."""
    with one.cursor() as cursor:
        cursor.execute(sql)
        cursor.fetchall()


@contextmanager
def saving() -> Iterator[list[float]]:
    """Two threads save all the time; the seconds that each save took."""
    from django.db import connections

    from signal_log.store.own_connection import dedicated_connection
    from tests.shop.models import Category

    over, took = threading.Event(), []

    def save(number: int) -> None:
        dedicated_connection("default", "benchmark")
        group = Category.objects.create(name=f"{number}-{time.monotonic()}")
        while not over.is_set():
            group.name = f"{number}-{time.monotonic()}"
            began = time.perf_counter()
            group.save()
            took.append(time.perf_counter() - began)
        connections.close_all()

    threads = [threading.Thread(target=save, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(2)
    try:
        yield took
    finally:
        over.set()
        for thread in threads:
            thread.join()


def changed(events: int) -> None:
    """Convert, make ahead and prune a log of so many events."""
    from django.db import connection, transaction

    from signal_log import clock
    from signal_log.store.partitions.ahead import make_ahead
    from signal_log.store.partitions.convert import convert
    from signal_log.store.partitions.layout import layout
    from signal_log.store.partitions.remnant import replace
    from tests.benchmarks.large_log_rows import fill
    from tests.shop.models import Category

    group = Category.objects.create(name="alone")

    def saves() -> float:
        took = []
        for at in range(400):
            group.name = str(at)
            began = time.perf_counter()
            group.save()
            took.append(time.perf_counter() - began)
        return statistics.median(took) * 1e6

    empty = saves()
    fill(events)
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    print(f"{events:,} events: a save takes {saves():.0f} µs, {empty:.0f} µs when the log was empty", flush=True)
    with saving() as took:
        usual = max(took)
        took.clear()
        began = clock.monotonic()
        held = convert(connection, max(100_000, events // 10), lambda _: None, patience=600)
        print(
            f"converted in {clock.monotonic() - began:.1f} s, locked for {held * 1e3:.0f} ms; longest save "
            f"{max(took) * 1e3:.0f} ms (before: {usual * 1e3:.0f} ms), {len(took):,} saves meanwhile", flush=True,
        )  # fmt: skip
        took.clear()
        began = clock.monotonic()
        made = make_ahead(connection, rows=max(100_000, events // 10) * 5)
        spent = clock.monotonic() - began
        print(f"{len(made.names)} made ahead in {spent:.2f} s; longest save {max(took) * 1e3:.0f} ms", flush=True)
        whole = layout(connection).ranges[0]
        took.clear()
        with transaction.atomic():
            held = replace(connection, whole, list(range(100, 1_000)), patience=60)
        print(
            f"the first of {whole.rows:,} events replaced by 900 of them, locked for {held * 1e3:.0f} ms; longest save "
            f"{max(took) * 1e3:.0f} ms", flush=True,
        )  # fmt: skip
    print(f"converted: a save takes {saves():.0f} µs", flush=True)


def main() -> None:
    """Run it in a process of its own, on a server of its own."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    if os.environ.get("MEASURED"):
        import django

        django.setup()
        if os.environ["MEASURED"] == "compared":
            compared()
        else:
            changed(events)
        return
    with Postgres() as server:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": server.create_database("log0"),
            "SECRET_KEY": "x" * 60, "ALLOWED_HOSTS": "a.example",
        }  # fmt: skip
        migrate = [sys.executable, "-m", "django", "migrate", "-v0", "--run-syncdb"]
        subprocess.run(migrate, env=environment, check=True)
        with psycopg.connect(server.url(), autocommit=True) as connection:
            for name in ("large", *(f"log{parts}" for parts in PARTS[1:])):
                connection.execute(f"CREATE DATABASE {name} TEMPLATE log0")
        for what in sys.argv[2:] or ("compared", "changed"):
            if what == "changed":
                environment["DATABASE_URL"] = server.url("large")
            subprocess.run(
                [sys.executable, "-m", "tests.benchmarks.partitions", str(events)],
                env=environment | {"MEASURED": what}, check=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
