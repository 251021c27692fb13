"""Measures what telemetry costs, and what recording adds to ``loaddata``: ``python -m tests.benchmarks.telemetry``.

Processor time is measured, not the clock's: what else the machine does is not in it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from statistics import median
from typing import Any

from tests.benchmarks.markdown import head, line, with_goal
from tests.benchmarks.process import DATABASES, NAMES, measured

CALL_GOAL = 3.0
LOAD_GOAL = 1.2


def main() -> None:
    """Measure, and print a table in Markdown or everything as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.telemetry", description=__doc__.split(":")[0])
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--rounds", type=int, default=20, help="how often each is measured, in turns (20)")
    parser.add_argument("--json", action="store_true", help="every single measurement, for other programs")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    results = measure(DATABASES if options.database == "both" else (options.database,), options.rounds)
    print(json.dumps(results) if options.json else "\n".join(report(results)))


def measure(databases: tuple[str, ...], rounds: int) -> dict[str, Any]:
    """Return all measurements on each database."""
    return {
        database: {
            **measured("tests.benchmarks.telemetry_times", database, rounds=rounds),
            "request": measured(
                "tests.benchmarks.telemetry_requests", database, settings="observatory.settings", rounds=rounds
            ),
        }
        for database in databases
    }


def report(results: dict[str, Any]) -> Iterator[str]:
    """Return the table, with the goals."""
    yield from head(["processor time", *(NAMES[database] for database in results)])
    for title, cell in ROWS.items():
        yield line([title, *(cell(found) for found in results.values())])


def added(times: dict[str, list[float]], name: str, base: str) -> float:
    """Return the median of what one contestant took more than another in the same round."""
    return median(with_it - without for with_it, without in zip(times[name], times[base], strict=True))


def request_cell(found: dict[str, Any]) -> str:
    """Return what telemetry adds to a request."""
    request = found["request"]
    statements, messages = (a - b for a, b in zip(request["with"], request["without"], strict=True))
    return f"{added(request['times'], 'with', 'without'):.0f}, {statements} in {messages}"


def fixture_cell(found: dict[str, Any]) -> str:
    """Return the ratio of ``loaddata`` with the recorder to without."""
    times = found["fixture"]
    return with_goal(median(times["signal_log"]) / median(times["bare"]), LOAD_GOAL)


ROWS = {
    "a receiver's call, µs": lambda found: with_goal(added(found["call"], "with", "without"), CALL_GOAL, ".1f"),
    "a save without receivers outside a trace, µs": lambda found: f"{added(found['lone'], 'with', 'without'):.1f}",
    "the same against itself (A/A), µs": lambda found: f"{added(found['lone'], 'with, again', 'with'):.1f}",
    "a request with two events, µs, statements in messages": request_cell,
    "`loaddata` of 700 rows, times what it takes without the app": fixture_cell,
}


if __name__ == "__main__":
    main()
