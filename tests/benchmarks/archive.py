"""Measures `signal_archive`: how many events a second and core, how large they are, and how fast they are verified."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.markdown import head, line
from tests.benchmarks.process import DATABASES, NAMES, address_of, called

EVENTS = 131_072


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.archive", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help=f"how many are archived ({EVENTS})")
    parser.add_argument("--database", choices=DATABASES, action="append", help="default: both")
    parser.add_argument("--spark", action="store_true", help="by Spark, too (installed by make archive-engines)")
    options = parser.parse_args()
    databases = options.database or DATABASES
    print("\n".join(report({name: measure(name, options.events, spark=options.spark) for name in databases})))


def measure(database: str, events: int, *, spark: bool) -> dict[str, Any]:
    """Fill a log, archive it, verify it: each in a process of its own."""
    module = "tests.benchmarks.archive_runs"
    with address_of(database) as address, tempfile.TemporaryDirectory() as folder:
        called("tests.benchmarks.verify_runs.fill", address, events=events)
        found: dict[str, Any] = called(f"{module}.archived", address, folder=folder)
        found |= called(f"{module}.compared", address, folder=folder)
        return found | (called(f"{module}.by_spark", address, folder=folder) if spark else {})


def report(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Return a row for each database."""
    engines = [("duckdb", "by DuckDB"), *([("spark", "by Spark")] if "spark" in next(iter(results.values())) else [])]
    yield from head([
        "events", "archived a second of processor time", "verified", *(title for _, title in engines),
        "MB a million", "in the table",
    ])  # fmt: skip
    for name, found in results.items():
        yield line([
            f"{NAMES[name]}, {found['events']:,}",
            *(f"{found['events'] / found[each]:,.0f}" for each in ("archiving", "verifying", *dict(engines))),
            f"{found['bytes'] / found['events']:,.0f}",
            f"{found['table'] / found['events']:,.0f}",
        ])  # fmt: skip


if __name__ == "__main__":
    main()
