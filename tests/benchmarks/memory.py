"""Measures the memory that an event takes while it waits for its COMMIT.

Each database is measured in a process of its own, by ``tracemalloc``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.markdown import head, line, with_goal
from tests.benchmarks.process import DATABASES, NAMES, measured

SAVES = 450
"""900 events, because a block that holds 1,000 writes them before its COMMIT."""
GOAL = 2_048


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.memory", description=__doc__.split("\n")[0])
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    database = parser.parse_args().database
    print("\n".join(report(measure(DATABASES if database == "both" else (database,)))))


def measure(databases: tuple[str, ...]) -> dict[str, Any]:
    """Return bytes per event on each database."""
    return {database: measured("tests.benchmarks.held", database, saves=SAVES) for database in databases}


def report(results: dict[str, Any]) -> Iterator[str]:
    """Return the table."""
    yield from head([f"bytes an event, of {2 * SAVES} in a block", "held until COMMIT", "at most during COMMIT"])
    for database, kinds in results.items():
        for kind, found in kinds.items():
            yield line([f"{NAMES[database]}, {kind}", with_goal(found["held"], GOAL, ",.0f"), f"{found['peak']:,.0f}"])


if __name__ == "__main__":
    main()
