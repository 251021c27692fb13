"""What `growth` runs in processes of their own, each on one database: filling, saving, writing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOG = "signal_log_signalevent"
BARE = f"CREATE TABLE bare (LIKE {LOG} INCLUDING ALL)"
SAVES = 100
"""In a turn."""
SECONDS = 4.0
"""For how long writers write in a turn."""


@dataclass(frozen=True, slots=True)
class Database:
    """One of the databases."""

    name: str
    url: str

    def run(self, what: str, **options: Any) -> None:
        """Do something in a process of its own, and wait for it."""
        with self._process(what, options) as process:
            process.communicate()
        if process.returncode:
            sys.exit(f"{what} on {self.name} ended with {process.returncode}; see its error above.")

    @contextmanager
    def saving(self) -> Iterator[Callable[[], tuple[float, float]]]:
        """A function that saves some times; µs of a save, of the client and of the database's process."""
        with self._process("save", {}) as process:
            assert process.stdin is not None
            assert process.stdout is not None

            def turn() -> tuple[float, float]:
                process.stdin.write("\n")
                process.stdin.flush()
                client, server = json.loads(process.stdout.readline())
                return client, server

            turn()
            yield turn
            process.stdin.close()

    @contextmanager
    def writing(self, most: int) -> Iterator[Callable[[str, int], float]]:
        """A function that has some processes write at the same time, in one of two ways; events a second."""
        running = [self._process("write", {"number": number}) for number in range(most)]
        for one in running:
            assert one.stdin is not None
            assert one.stdout is not None
            one.stdout.readline()  # is ready

        def turn(kind: str, writers: int) -> float:
            for one in running[:writers]:
                one.stdin.write(f"{kind}\n")
            for one in running[:writers]:
                one.stdin.flush()
            return sum(float(one.stdout.readline()) for one in running[:writers])

        yield turn
        for one in running:
            one.stdin.close()
            one.wait()

    def _process(self, what: str, options: dict[str, Any]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.growth_runs", what, json.dumps(options)],
            env=os.environ | {"DATABASE_URL": self.url}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip


def prepare() -> None:
    """Make the tables, and an event, of which others are copies."""
    from django.core.management import call_command

    from tests.shop.models import Category

    call_command("migrate", verbosity=0, run_syncdb=True)
    Category.objects.create(name="first")


def filled(events: int) -> None:
    """Add so many events by SQL."""
    from tests.benchmarks.large_log_rows import fill

    fill(events)


def converted(rows: int) -> None:
    """Turn the log into one with partitions; what comes goes to a new one."""
    from django.db import connection

    from signal_log.store.partitions.ahead import make_ahead
    from signal_log.store.partitions.convert import convert
    from signal_log.store.partitions.layout import layout

    convert(connection, rows, lambda _: None, patience=600)
    make_ahead(connection)
    parts = layout(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(%s, %s)", [f"{LOG}_id_seq", parts.ranges[0].high])


def begin_sealing() -> None:
    """Let the tree begin with the next event, as what was filled in has no true digests."""
    from signal_log.models import SealTree
    from signal_log.seal.grow import begin_tree
    from signal_log.seal.settled import newest_id

    SealTree.objects.all().delete()
    begin_tree("log.example/benchmark/1", after_id=newest_id())


def save() -> None:
    """Save some times for each line that comes in."""
    from django.db import connection

    from tests.shop.models import Category

    group = Category.objects.create(name=f"{os.getpid()}")
    backend = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    for _ in sys.stdin:
        began, spent = _on_processor(backend), time.process_time_ns()
        for at in range(SAVES):
            group.name = f"{os.getpid()} {at}"
            group.save()
        client, server = time.process_time_ns() - spent, _on_processor(backend) - began
        print(json.dumps([client / 1_000 / SAVES, server / 1_000 / SAVES]), flush=True)


def _on_processor(file: Path) -> int:
    return int(file.read_text().split()[0])


def write(number: int) -> None:
    """Write for a while for each line that comes in, in the way that it names; print how many events a second."""
    from django.db import connection

    from tests.shop.models import Category

    group = Category.objects.create(name=f"{os.getpid()}-{number}")
    connection.ensure_connection()
    with connection.cursor() as cursor:
        named = "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = 'bare'::regclass"
        cursor.execute(f"{named} AND attnum > 0 AND attname <> 'id'")
        (columns,) = cursor.fetchone()
        cursor.execute(f"SELECT {columns} FROM {LOG} ORDER BY id DESC LIMIT 2")  # noqa: S608
        bare = connection.connection
        rows = [value for row in cursor.fetchall() for value in row]
    one = f"({', '.join(['%s'] * (len(rows) // 2))})"
    statement = f"INSERT INTO bare ({columns}) VALUES {one}, {one}"  # noqa: S608
    print("ready", flush=True)
    for kind in sys.stdin:
        done, began = 0, time.monotonic()
        while (spent := time.monotonic() - began) < SECONDS:
            if kind == "bare\n":
                bare.execute(statement, rows)
            else:
                group.name = f"{os.getpid()} {done}"
                group.save()
            done += 2
        print(done / spent, flush=True)


if __name__ == "__main__":
    import django

    django.setup()
    globals()[sys.argv[1]](**json.loads(sys.argv[2]))
