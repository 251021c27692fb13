"""Measures what recording adds to a save, compared with a hand-written INSERT and third-party packages.

Each database is measured in a process of its own, PostgreSQL on a server started for it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from statistics import median, quantiles
from typing import Any

from tests.benchmarks import peers
from tests.benchmarks.machine import description
from tests.benchmarks.markdown import head, line, with_goal
from tests.benchmarks.process import DATABASES, NAMES, measured

BLOCK = 100
OURS = "signal_log"
OTHERS = {
    "handwritten": "hand-written",
    "lean": "lean",
    "simple_history": "simple-history",
    "auditlog": "auditlog",
    "pghistory": "pghistory",
}
Times = Mapping[str, list[float]]

# The highest ratio to what the other logger adds: by database and whether in an atomic block.
GOALS = {
    ("sqlite", False): {"handwritten": 3.2, "lean": 1.35, "simple_history": 0.65},
    ("sqlite", True): {"handwritten": 3.2, "lean": 1.35, "simple_history": 0.4},
    ("postgres", False): {"handwritten": 1.9, "lean": 1.35, "simple_history": 0.8},
    ("postgres", True): {"handwritten": 0.7, "lean": 1.35, "simple_history": 0.25},
}


def main() -> None:
    """Measure, and print tables in Markdown or everything as JSON."""
    options = arguments()
    results = measure(options)
    if options.json:
        print(json.dumps({"machine": description(), "saves": options.saves, **by_measurement(results)}))
    else:
        print("\n".join(report(results, options)))


def arguments() -> argparse.Namespace:
    """Parse the command line; invalid numbers are refused with the valid ones."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.save_cost", description=__doc__.split("\n")[0])
    add_options(parser)
    parser.add_argument("--json", action="store_true", help="every single measurement, for other programs")
    options = parser.parse_args()
    check(parser, options)
    return options


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this measurement."""
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--rounds", type=int, default=20, help="how often each is measured, in turns (20)")
    parser.add_argument("--saves", type=int, default=400, help=f"saves a measurement, a multiple of {BLOCK} (400)")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: this process's time only (wall)")


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse what cannot be measured."""
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if options.saves < BLOCK or options.saves % BLOCK:
        parser.error(f"--saves must be a multiple of {BLOCK}")


def measure(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the measurements of each chosen database."""
    peers.complain()
    chosen = DATABASES if options.database == "both" else (options.database,)
    return {
        database: measured(
            "tests.benchmarks.measuring", database, rounds=options.rounds, saves=options.saves, clock=options.clock
        )
        for database in chosen
    }


def by_measurement(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Regroup the results by measurement, then by database."""
    return {name: {database: result[name] for database, result in results.items()} for name in ("times", "logs")}


# --- the tables -------------------------------------------------------------------------------------
def report(results: dict[str, dict[str, Any]], options: argparse.Namespace) -> Iterator[str]:
    """Return three tables: what each logger adds, how signal_log compares, and what each wrote for it."""
    yield f"{description()}; {options.rounds} rounds of {options.saves} saves each, taking turns, {options.clock} time."
    for header, row in (
        (["added µs a save", "bare save", *OTHERS.values(), OURS], added_row),
        (["signal_log adds, times what it adds", *OTHERS.values()], ratio_row),
    ):
        yield from ("", *head(header))
        for database, result in results.items():
            for scene, times in result["times"].items():
                yield row(database, scene, times)
    yield from ("", *head(["rows a save, of so many columns, in so many indexes", *OTHERS.values(), OURS]))
    for database, result in results.items():
        yield logs_row(database, result["logs"])


def added_row(database: str, scene: str, times: Times) -> str:
    """Return medians over the rounds, with the middle half of them in brackets."""
    cells = [
        spread(added(times, logger)) if logger in times else absent(logger, database) for logger in (*OTHERS, OURS)
    ]
    return line([title(database, scene), spread(times["bare"]), *cells])


def ratio_row(database: str, scene: str, times: Times) -> str:
    """Return ratios, each with its goal if there is one: ``1.40 ≤ 1.8`` has met it, ``**4.40** > 1.8`` has not."""
    goals = GOALS[database, "atomic" in scene]
    cells = [
        ratio(times, logger, goals.get(logger)) if logger in times else absent(logger, database) for logger in OTHERS
    ]
    return line([title(database, scene), *cells])


def logs_row(database: str, logs: Mapping[str, Mapping[str, int]]) -> str:
    """Return what each logger left in its log."""
    cells = [
        "{rows}, {columns}, {indexes}".format(**logs[logger]) if logger in logs else absent(logger, database)
        for logger in (*OTHERS, OURS)
    ]
    return line([NAMES[database], *cells])


def title(database: str, scene: str) -> str:
    return f"{NAMES[database]}, {scene}"


def absent(logger: str, database: str) -> str:
    """Return why there is no number."""
    return "PostgreSQL only" if logger in peers.POSTGRES_ONLY and database == "sqlite" else "not installed"


def added(times: Times, logger: str) -> list[float]:
    """Return microseconds above bare, compared round by round, so that slow rounds do not count as cost."""
    return [taken - alone for taken, alone in zip(times[logger], times["bare"], strict=True)]


def ratio(times: Times, logger: str, goal: float | None) -> str:
    """Return what signal_log adds, as a multiple of what the other logger adds."""
    theirs = median(added(times, logger))
    return with_goal(median(added(times, OURS)) / theirs, goal) if theirs > 0 else "lost in noise"


def spread(values: list[float]) -> str:
    """Return median and quartiles."""
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return f"{median(values):.0f} ({low:.0f} to {high:.0f})"


if __name__ == "__main__":
    main()
