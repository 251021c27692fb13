"""Measures what an event takes on disk, indexes included: a profile's edit in a request, two events each.

Each database is measured in a process of its own, in the reference installation as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.markdown import head, line, with_goal
from tests.benchmarks.process import DATABASES, NAMES, measured

EVENTS = 20_000
GOAL = 700
LEAST = 1
"""What takes fewer bytes an event is not in the table by its own name."""


def main() -> None:
    """Measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.size", description=__doc__.split("\n")[0])
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    add_options(parser)
    options = parser.parse_args()
    check(parser, options)
    databases = DATABASES if options.database == "both" else (options.database,)
    print("\n".join(report(measure(databases, options.events))))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this measurement."""
    parser.add_argument("--events", type=int, default=EVENTS, help=f"how many fill the log, an even number ({EVENTS})")


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse what cannot be measured."""
    if options.events < 2 or options.events % 2:
        parser.error("--events must be an even number, 2 or more")


def measure(databases: tuple[str, ...], events: int) -> dict[str, Any]:
    """Return bytes per event on each database."""
    return {
        database: measured("tests.benchmarks.edits", database, settings="observatory.settings", events=events)
        for database in databases
    }


def report(results: dict[str, Any]) -> Iterator[str]:
    """Return two tables: the log's tables and indexes, and the columns of an event's row."""
    first = next(iter(results.values()))
    events, table = first["events"], first["table"]
    yield from head([f"bytes an event, after {events:,}", *(NAMES[database] for database in results)])
    parts = [result["parts"] for result in results.values()]
    shown = [part for part in every(results, "parts") if max(of.get(part, 0) for of in parts) >= LEAST]
    for part in shown:
        yield line([f"`{part}`", *(number(of.get(part)) for of in parts)])
    rest = [sum(size for part, size in of.items() if part not in shown) for of in parts]
    yield line(["all other tables and indexes, nearly empty here", *map(number, rest)])
    totals = [sum(result["parts"].values()) for result in results.values()]
    yield line(["**together**", *(with_goal(total, GOAL, ".0f") for total in totals)])
    packed = [sum(result["packed"].values()) for result in results.values()]
    yield line(["together after VACUUM (FULL), without gaps", *(f"{total:.0f}" for total in packed)])
    yield ""
    yield from head([f"bytes an event in `{table}`, on average", *(NAMES[database] for database in results)])
    for column in sorted(every(results, "columns"), key=lambda column: -widest(results, column)):
        yield line([f"`{column}`", *(number(result["columns"][column]) for result in results.values())])
    rest = [result["parts"][table] - sum(result["columns"].values()) for result in results.values()]
    yield line(["row header, alignment, unused rest of a page", *map(number, rest)])


def every(results: dict[str, Any], kind: str) -> list[str]:
    """Return the names from any database, in order."""
    return list(dict.fromkeys(name for result in results.values() for name in result[kind]))


def widest(results: dict[str, Any], column: str) -> float:
    """Return the column's size on the database where it is largest."""
    return max(result["columns"][column] for result in results.values())


def number(value: float | None) -> str:
    """Format the bytes, or that there is no such part."""
    return "none" if value is None else f"{value:.0f}"


if __name__ == "__main__":
    main()
