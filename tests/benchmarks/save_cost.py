"""What recording adds to a save, against bare Django and against a hand-written INSERT: ``make bench``.

Each database is measured in a process of its own, PostgreSQL on a server started for it.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tests.benchmarks.machine import description

ROOT = Path(__file__).resolve().parents[2]
DATABASES = ("sqlite", "postgres")
BLOCK = 100


def main() -> None:
    """Measure, and print a table in Markdown or everything as JSON."""
    options = arguments()
    if options.inside:
        measure_here(options)
        return
    chosen = DATABASES if options.database == "both" else (options.database,)
    results = {database: measured(database, options) for database in chosen}
    if options.json:
        print(json.dumps({"machine": description(), "saves": options.saves, **turned_over(results)}))
    else:
        print("\n".join(report(results, options)))


def arguments() -> argparse.Namespace:
    """The command line; wrong numbers are refused with the right ones."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.save_cost", description=__doc__.split("\n")[0])
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--rounds", type=int, default=20, help="how often each is measured, in turns (20)")
    parser.add_argument("--saves", type=int, default=400, help=f"saves a measurement, a multiple of {BLOCK} (400)")
    parser.add_argument("--json", action="store_true", help="every single measurement, for other programs")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if options.saves < BLOCK or options.saves % BLOCK:
        parser.error(f"--saves must be a multiple of {BLOCK}")
    return options


# --- a process for each database --------------------------------------------------------------------
def measured(database: str, options: argparse.Namespace) -> dict[str, Any]:
    """The measurements of one database."""
    with address_of(database) as address:
        command = [sys.executable, "-m", "tests.benchmarks.save_cost", "--inside"]
        command += [f"--rounds={options.rounds}", f"--saves={options.saves}"]
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "DATABASE_URL": address,
            "DEBUG": "0",
        }
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"The measurement on {database} ended with {done.returncode}.")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@contextmanager
def address_of(database: str) -> Iterator[str]:
    """An empty database, for as long as the block lasts."""
    if database == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/benchmark.sqlite3"
    else:
        from tests.servers.postgres import Postgres

        with Postgres() as server:
            yield server.create_database("benchmark")


def measure_here(options: argparse.Namespace) -> None:
    """In the child: measure, and hand the numbers to the parent."""
    import django

    django.setup()
    from tests.benchmarks import measuring

    measuring.prepare()
    print(json.dumps(measuring.measure(options.rounds, options.saves)))


def turned_over(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """First what was measured, then on which database."""
    return {
        name: {database: result[name] for database, result in results.items()} for name in ("times", "rows_per_save")
    }


# --- the table --------------------------------------------------------------------------------------
def report(results: dict[str, dict[str, Any]], options: argparse.Namespace) -> Iterator[str]:
    """The lines of the table: medians over the rounds, and the middle half of them in brackets."""
    yield f"{description()}; {options.rounds} rounds of {options.saves} saves each, taking turns."
    yield ""
    yield "| | bare save, µs | hand-written INSERT adds | signal_log adds | times hand-written | times bare |"
    yield "|---|---|---|---|---|---|"
    for database, result in results.items():
        for scene, ways in result["times"].items():
            yield row(f"{NAMES[database]}, {scene}", ways)


NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def row(title: str, ways: dict[str, list[float]]) -> str:
    """One scene; what is added is compared round by round, so that slow rounds do not count as cost."""
    floor, ours = added(ways, "handwritten"), added(ways, "signal_log")
    whole = median(ways["signal_log"]) / median(ways["bare"])
    cells: list[Any] = [
        title,
        spread(ways["bare"]),
        spread(floor),
        spread(ours),
        f"{median(ours) / median(floor):.1f}",
        f"{whole:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def added(ways: dict[str, list[float]], way: str) -> list[float]:
    """Microseconds more than bare, in each round."""
    return [taken - alone for taken, alone in zip(ways[way], ways["bare"], strict=True)]


def spread(values: list[float]) -> str:
    """Median and quartiles."""
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return f"{median(values):.0f} ({low:.0f} to {high:.0f})"


if __name__ == "__main__":
    main()
