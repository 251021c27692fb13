"""Measures the history on a log of ten million events: pages, counts, the beginning of an export.

It runs on PostgreSQL, in a scratch cluster that needs 0.7 GB of disk per million events and is removed at the end.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.markdown import head, line
from tests.benchmarks.process import measured

EVENTS = 10_000_000
WHAT = ("page", "older", "middle", "counts", "jsonl", "csv")
TITLES = ("newest page", "the next older", "from the middle", "`counts`", "JSONL, first page", "CSV, first page")


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.large_log", description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=EVENTS, help=f"how many fill the log, 1,000 or more ({EVENTS})")
    options = parser.parse_args()
    if options.events < 1_000:
        parser.error("--events must be 1,000 or more")
    result = measured(
        "tests.benchmarks.large_log_queries", "postgres", settings="observatory.settings", events=options.events
    )
    print("\n".join(report(result)))


def report(result: dict[str, Any]) -> Iterator[str]:
    """Return a row for each filter, with the slowest and the fastest of a few runs."""
    yield from head([f"ms of {result['events']:,} events", *TITLES])
    for name, times in result["questions"].items():
        cells = (f"{max(times[what]):.0f} / {min(times[what]):.0f}" if what in times else "" for what in WHAT)
        yield line([name, *cells])
    yield ""
    yield ", ".join(f"{kind.upper()}: {number:,.0f} events a second" for kind, number in result["pace"].items())


if __name__ == "__main__":
    main()
