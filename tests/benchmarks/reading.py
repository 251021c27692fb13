"""Measures what people read of a large log: history, filters, admin, stories, from the newest and from far back.

Ten million events on PostgreSQL need 5 GB of disk, a million on SQLite 1 GB; both are removed at the end. What
django-auditlog shows of the same operations stands below, if it is installed (`make bench` does).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.markdown import head, line
from tests.benchmarks.process import DATABASES, NAMES, measured

EVENTS = {"sqlite": 1_000_000, "postgres": 10_000_000}


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reading", description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, help=f"how many there are (default: {EVENTS})")
    parser.add_argument("--database", choices=DATABASES, action="append", help="default: both")
    parser.add_argument("--times", type=int, default=40, help="how often each page is asked for (40)")
    options = parser.parse_args()
    results = {
        NAMES[name]: measured(
            "tests.benchmarks.reading_queries",
            name,
            "tests.benchmarks.reading_settings",
            events=options.events or EVENTS[name],
            times=options.times,
        )
        for name in options.database or DATABASES
    }
    print("\n".join(report(results)))


def report(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Return a row for each question, with the 95th percentile and the median of its times."""
    columns = [f"{name}, {one['events']:,} events: {where}" for name, one in results.items() for where in one["where"]]
    yield from head(["ms, p95 / median", *columns])
    for question in next(iter(results.values()))["times"]:
        yield line([question, *(cell for one in results.values() for cell in map(_told, one["times"][question]))])


def _told(times: tuple[float, float, bool]) -> str:
    p95, median, unfinished = times
    return f"{p95:.0f} / {median:.0f}{' (looked back to …)' if unfinished else ''}"


if __name__ == "__main__":
    main()
