"""Counts the statements and round trips of a save; nothing is timed: ``python -m tests.benchmarks.trips``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.markdown import head, line
from tests.benchmarks.process import DATABASES, NAMES, measured

COMPARED = {"bare": "bare save", "handwritten": "hand-written", "lean": "lean", "signal_log": "signal_log"}


def main() -> None:
    """Count, and print a table in Markdown or everything as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.trips", description=__doc__.split(":")[0])
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--json", action="store_true", help="with the first words of each message")
    options = parser.parse_args()
    results = measure(DATABASES if options.database == "both" else (options.database,))
    print(json.dumps(results) if options.json else "\n".join(report(results)))


def measure(databases: tuple[str, ...]) -> dict[str, Any]:
    """Return the counts on each database."""
    return {database: measured("tests.benchmarks.counted_trips", database) for database in databases}


def report(results: dict[str, Any]) -> Iterator[str]:
    """Return the table: statements of a save and, on PostgreSQL, the messages in which they travel."""
    yield from head(["statements (in messages) a save", *COMPARED.values()])
    for database, scenes in results.items():
        for scene, loggers in scenes.items():
            yield line([f"{NAMES[database]}, {scene}", *(cell(database, loggers[name]) for name in COMPARED)])


def cell(database: str, found: dict[str, Any]) -> str:
    """Return the numbers of one logger; on SQLite a statement is a function call."""
    statements = f"{found['statements']:g}"
    return statements if database == "sqlite" else f"{statements} ({found['messages']:g})"


if __name__ == "__main__":
    main()
