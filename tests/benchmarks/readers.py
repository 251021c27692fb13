"""Measures what the readers of several server processes cost PostgreSQL, at rest and while others write all the time.

By the processor time of their connections there. They are threads here, which to PostgreSQL is the same.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.markdown import head, line
from tests.benchmarks.process import address_of, called

READERS: Final = (1, 8, 16)
SECONDS: Final = 10
RUNG: Final = 0.02
"""Seconds between two doorbells at most."""


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.readers", description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    options = parser.parse_args()
    columns = ["readers", "at rest", "a read", "while others write", "a read", "reads a second and reader", "own work"]
    print("\n".join(head(columns)))
    with address_of("postgres") as address:
        called("tests.benchmarks.tail_rate.prepare", address)
        for readers in READERS:
            told = {"readers": readers, "seconds": options.seconds}
            rest = called("tests.benchmarks.readers.measure", address, writes=False, **told)
            work = called("tests.benchmarks.readers.measure", address, writes=True, **told)
            own = f"{1_000_000 * work['own']:.0f} µs a read"
            print(line([str(readers), *_cost(rest), *_cost(work), f"{work['reads'] / readers:.0f}", own]))


def _cost(found: dict[str, Any]) -> list[str]:
    used, reads = found["used"], found["reads"]
    return [f"{100 * used:.2f} % of a core", f"{1_000_000 * used / max(reads, 1):.0f} µs"]


def measure(readers: int, seconds: int, writes: bool) -> dict[str, Any]:
    """The seconds of processor that PostgreSQL takes a second, how often they read, and what a read takes here."""
    from signal_log.tail.hub import POLL_EVERY

    over = threading.Event()
    done: list[tuple[int, float]] = []
    ready = threading.Barrier(readers + 1)
    every = RUNG if writes else POLL_EVERY
    threads = [threading.Thread(target=_read, args=(every, ready, over, done)) for _ in range(readers)]
    for thread in threads:
        thread.start()
    ready.wait()
    before, began = _used(), time.monotonic()
    with _writer(over) if writes else _nobody():
        over.wait(seconds)
        took, used = time.monotonic() - began, _used() - before
        over.set()
    for thread in threads:
        thread.join()
    reads, own = (sum(column) for column in zip(*done, strict=True))
    return {"used": used / took, "reads": reads / took, "own": own / max(reads, 1)}


def _read(every: float, ready: threading.Barrier, over: threading.Event, done: list[tuple[int, float]]) -> None:
    from signal_log.store.follow import Follower
    from signal_log.tail.reader import Tail

    log = Follower()
    tail = Tail(log)
    tail.start()
    ready.wait()
    reads, began = 0, time.thread_time()
    while not over.wait(every):
        tail.advance()
        reads += 1
    done.append((reads, time.thread_time() - began))
    log.close()


@contextmanager
def _nobody() -> Iterator[None]:
    yield


@contextmanager
def _writer(over: threading.Event) -> Iterator[None]:
    """Store an event every few milliseconds."""
    from tests.factories import make_event

    def write() -> None:
        while not over.wait(RUNG / 2):
            make_event()

    thread = threading.Thread(target=write)
    thread.start()
    yield
    thread.join()


def _used() -> float:
    """Seconds of processor that the readers' connections have taken of PostgreSQL, which runs on this machine."""
    from django.db import connection

    from signal_log.store.follow import APPLICATION_NAME

    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", [APPLICATION_NAME])
        processes = [row[0] for row in cursor.fetchall()]
    ticks = 0
    for process in processes:
        ticks += sum(map(int, Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
