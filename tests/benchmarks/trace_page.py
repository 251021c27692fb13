"""Measures the page of a trace: the time that the server takes, and its memory while the debug toolbar watches."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.markdown import head, line, with_goal
from tests.benchmarks.process import DATABASES, NAMES, measured

PAGES: dict[str, tuple[int, str, int]] = {
    "2,000 signals": (2_000, "", 200),
    "2,000 signals, all rows": (2_000, "?all=1", 200),
    "4,800 signals, all rows": (4_800, "?all=1", 300),
    "10,000 signals": (10_000, "", 1_500),
    "10,000 signals, all rows": (10_000, "?all=1", 1_500),
    "100,000 signals, first part": (100_000, "?all=1", 1_500),
    "100,000 signals, last part": (100_000, "?all=1&after=90000", 1_500),
    "100,000 signals, JSON": (100_000, "?format=json", 1_500),
}
"""Each with its signals, its query, and at most how many milliseconds it may take."""
MOST_MB = 60


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.trace_page", description=__doc__.split("\n")[0])
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    databases = DATABASES if options.database == "both" else (options.database,)
    print("\n".join(report({database: measure(database, options.rounds) for database in databases})))


def measure(database: str, rounds: int) -> dict[str, Any]:
    """Return what ``trace_page_load.measure`` found there."""
    pages = {name: [signals, query] for name, (signals, query, _) in PAGES.items()}
    return measured("tests.benchmarks.trace_page_load", database, settings="tests.settings", pages=pages, rounds=rounds)


def report(results: dict[str, Any]) -> Iterator[str]:
    """Return the table."""
    yield from head(["a trace of", "ms (median)", "MB at its height", "MB of page"])
    for database, pages in results.items():
        for name, found in pages.items():
            goal = PAGES[name][2]
            yield line([f"{NAMES[database]}, {name}", with_goal(found["median"], goal, ",.0f"),
                        with_goal(found["peak"], MOST_MB, ",.0f"), f"{found['size']:.1f}"])  # fmt: skip


if __name__ == "__main__":
    main()
