"""Measures `signal_verify` over a million sealed events: how many a second and core, and whether memory stays flat."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.markdown import head, line
from tests.benchmarks.process import DATABASES, NAMES, address_of, called

EVENTS = 1_000_000
PARTS = 4
GOAL = 100_000


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.verify", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help=f"how many are sealed ({EVENTS})")
    parser.add_argument("--database", choices=DATABASES, action="append", help="default: both")
    options = parser.parse_args()
    print("\n".join(report({name: measure(name, options.events) for name in options.database or DATABASES})))


def measure(database: str, events: int) -> list[dict[str, Any]]:
    """Fill a log in steps, and verify it after each in a process of its own, whose memory is its own."""
    module = "tests.benchmarks.verify_runs"
    with address_of(database) as address:
        found = []
        for part in range(1, PARTS + 1):
            called(f"{module}.fill", address, events=events * part // PARTS)
            found.append(called(f"{module}.verified", address))
        found[-1]["hashing"] = called(f"{module}.hashing", address)
    return found


def report(results: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Return a row for each size of the log."""
    yield from head(["events", "events a second", "of processor time", "hashing alone", "MB at its height"])
    for name, runs in results.items():
        for run in runs:
            rate, hashing = run["events"] / run["cpu"], run.get("hashing")
            yield line(
                [
                    f"{NAMES[name]}, {run['events']:,}",
                    f"{run['events'] / run['seconds']:,.0f}",
                    f"{rate:,.0f}",
                    _against_goal(hashing) if hashing else "",
                    f"{run['megabytes']:.0f}",
                ]
            )


def _against_goal(rate: float) -> str:
    return f"{rate:,.0f} ≥ {GOAL:,}" if rate >= GOAL else f"**{rate:,.0f}** < {GOAL:,}"


if __name__ == "__main__":
    main()
