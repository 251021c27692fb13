"""What grows with a log on PostgreSQL, and what does not: `python -m tests.benchmarks.growth [EVENTS …]`.

First the processor time of a save, the client's and the database's, on an empty log and on one of so many events, in
turns; with the largest also when it has partitions. Then the events a second that 1, 2 and 4 processes write while a
sealer and a relay into a file are at work, in turns with bare INSERTs of two rows into a table like the log's. A
scratch cluster needs 0.9 GB for a million events.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.benchmarks.growth_runs import BARE, Database
from tests.benchmarks.markdown import head, line
from tests.servers.postgres import Postgres

SIZES = (1_000_000, 10_000_000)
WRITERS = (1, 2, 4)
ROUNDS = 3
TURNS = 40
QUICK = {
    "shared_buffers": "1GB", "max_wal_size": "16GB", "maintenance_work_mem": "512MB", "autovacuum": "off",
    "wal_level": "minimal", "max_wal_senders": "0",
}  # fmt: skip
"""For filling it. Without autovacuum, which would come when it likes."""
BACKGROUND = {
    "sealer": "from django.core.management import call_command\ncall_command('signal_seal', '--watch')",
    "relay": "from django.core.management import call_command\n"
    "call_command('signal_relay', 'growth', '--reset', '--from', 'now')",
}
SETUP = "import django\ndjango.setup()\n"


def main() -> None:
    """Measure, and print a table in Markdown for each size as soon as it is known."""
    sizes = [int(word) for word in sys.argv[1:]] or list(SIZES)
    with Postgres(settings=QUICK) as server, tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.growth_settings", "SECRET_KEY": "x" * 60,
            "ALLOWED_HOSTS": "a.example", "RELAYED": str(Path(folder) / "relayed.jsonl"),
        }  # fmt: skip
        empty = Database("empty", server.create_database("empty"))
        large = Database("large", server.create_database("large"))
        for one in (empty, large):
            one.run("prepare")
        with psycopg.connect(large.url, autocommit=True) as connection:
            connection.execute(BARE)
        there = 0
        for size in sizes:
            large.run("filled", events=size - there)
            there = size
            saves(empty, large, f"{size:,} events")
            if size == sizes[-1]:
                large.run("converted", rows=size // 2)
                saves(empty, large, f"{size:,} events in partitions")
            ingest(large, f"{size:,}")


def saves(empty: Database, large: Database, title: str) -> None:
    """A save on the one and on the other, in turns."""
    took: dict[str, list[tuple[float, float]]] = {"empty": [], "large": []}
    with empty.saving() as one, large.saving() as other:
        for turn in range(TURNS):
            for name, run in (("empty", one), ("large", other))[:: 1 if turn % 2 else -1]:
                took[name].append(run())
    told = {name: [statistics.median(part) for part in zip(*each, strict=True)] for name, each in took.items()}
    ratio = sum(told["large"]) / sum(told["empty"])
    parts = "; ".join(f"{name} {client:.0f} + {server:.0f}" for name, (client, server) in told.items())
    print(f"{title}: µs of processor time a save, client + database: {parts}: {ratio:.3f}", flush=True)


def ingest(large: Database, title: str) -> None:
    """Recorded saves and bare INSERTs, in turns, by some processes at once."""
    rows = []
    with background(large), large.writing(max(WRITERS)) as write:
        for writers in WRITERS:
            found: dict[str, list[float]] = {"recorded": [], "bare": []}
            for _ in range(ROUNDS):
                for kind, each in found.items():
                    each.append(write(kind, writers))
            recorded, bare = (statistics.median(each) for each in found.values())
            rows.append([f"{title}, {writers}", f"{recorded:,.0f}", f"{bare:,.0f}", f"{recorded / bare:.2f}"])
    print("\n".join([*head(["events, writers", "recorded a second", "bare", "ratio"]), *map(line, rows)]), flush=True)


@contextmanager
def background(large: Database) -> Iterator[None]:
    """A sealer and a relay at work, each a process."""
    environment = os.environ | {"DATABASE_URL": large.url}
    large.run("begin_sealing")
    running = [
        subprocess.Popen([sys.executable, "-c", SETUP + code], env=environment, stdout=subprocess.DEVNULL)
        for code in BACKGROUND.values()
    ]
    try:
        yield
        assert [one.poll() for one in running] == [None, None]
    finally:
        for one in running:
            one.terminate()
        for one in running:
            one.wait()


if __name__ == "__main__":
    main()
