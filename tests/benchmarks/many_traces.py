"""Measures ``/traces/`` over a million traces, filled by SQL: each order, each kind of filter, first and 20th page."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.markdown import head, line
from tests.benchmarks.process import DATABASES, NAMES, measured

TRACES = 1_000_000


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.many_traces", description=__doc__.split("\n")[0])
    parser.add_argument("--traces", type=int, default=TRACES, help=f"how many there are ({TRACES})")
    parser.add_argument("--database", choices=DATABASES, action="append", help="default: both")
    options = parser.parse_args()
    results = {
        name: measured("tests.benchmarks.many_traces_queries", name, "observatory.settings", traces=options.traces)
        for name in options.database or DATABASES
    }
    print("\n".join(report(results)))


def report(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Return a row for each question, with the 95th percentile and the median of its times."""
    number = next(iter(results.values()))["traces"]
    yield from head([f"ms of {number:,} traces, p95 / median", *(NAMES[name] for name in results)])
    for question in next(iter(results.values()))["times"]:
        cells = (one["times"][question] for one in results.values())
        yield line([question, *(f"{p95:.0f} / {median:.0f}" for p95, median in cells)])


if __name__ == "__main__":
    main()
