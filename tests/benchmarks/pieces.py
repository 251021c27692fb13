"""Measures the pieces of a recorded save, and what other ways of writing its events would cost."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.markdown import head, line
from tests.benchmarks.process import DATABASES, NAMES, measured


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pieces", description=__doc__)
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--repeats", type=int, default=40, help="how often each is tried; the best time counts (40)")
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error("--repeats must be 1 or more")
    databases = DATABASES if options.database == "both" else (options.database,)
    print("\n".join(report(measure(databases, options.repeats))))


def measure(databases: tuple[str, ...], repeats: int) -> dict[str, dict[str, float]]:
    """Return microseconds of each piece on each database."""
    return {database: measured("tests.benchmarks.piecewise", database, repeats=repeats) for database in databases}


def report(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Return the table."""
    yield from head(["piece, µs at best", *(NAMES[database] for database in results)])
    for piece in dict.fromkeys(piece for found in results.values() for piece in found):
        cells = (found.get(piece) for found in results.values())
        yield line([piece, *("" if taken is None else f"{taken:.1f}" for taken in cells)])


if __name__ == "__main__":
    main()
