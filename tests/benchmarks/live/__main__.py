"""Measures everything in docs/live-performance.md and prints its tables: ``make bench-live``."""

from __future__ import annotations

import argparse
import json
from typing import Any

from tests.benchmarks.live import scenarios
from tests.benchmarks.live.report import report
from tests.benchmarks.live.scenarios import QUICK, Size, progress
from tests.benchmarks.live.testbed import Testbed

PARTS = ("sustained", "soon", "processes", "handshakes", "ring", "stalled", "outages", "idle")


def main() -> None:
    """Run one scenario after the other, then print the tables."""
    options = arguments()
    size = QUICK if options.quick else Size()
    found: dict[str, Any] = {}
    with Testbed() as testbed:
        for part in options.parts:
            progress(part)
            found[part] = globals()[part](testbed, size)
    print(json.dumps(found) if options.json else "\n".join(report(found)))


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.live", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="50 sockets and short steps: whether it runs, no figures")
    parser.add_argument("--json", action="store_true", help="every figure, for other programs")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)}")
    options = parser.parse_args()
    if wrong := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(wrong))}")
    options.parts = options.parts or PARTS
    return options


def sustained(testbed: Testbed, size: Size) -> dict[str, Any]:
    """Measure throughput, compared with the baselines."""
    return {
        "textbook": scenarios.textbook(testbed, size),
        "bare": scenarios.bare(testbed, size, 1),
        "bare batched": scenarios.bare(testbed, size, 50),
        "ours": scenarios.ours(testbed, size),
    }


def soon(testbed: Testbed, size: Size) -> dict[str, Any]:
    """Measure latency, and whether each event comes once."""
    many = f"{size.sockets} sockets"
    return {
        "1 socket, 20/s, saves": scenarios.soon(testbed, size, 1, 20) | {"goal_p50": 10.0},
        f"{many}, 200/s, saves": scenarios.soon(testbed, size, size.sockets, 200) | {"goal_p99": 250.0},
        f"{many}, 200/s, each cut every 5 s": scenarios.churned(testbed, size, 200),
    }


def processes(testbed: Testbed, size: Size) -> dict[str, Any]:
    """Measure latency with one server process, and with as many as a large installation has."""
    sockets = min(size.sockets, 200)
    return {f"{many}": scenarios.beside(testbed, size, many, sockets, 20) for many in (1, 4, 8)}


def handshakes(testbed: Testbed, size: Size) -> dict[str, Any]:
    """Measure what opening a socket costs the server."""
    return {"bare": scenarios.handshakes(testbed, size, None)} | {
        name: scenarios.handshakes(testbed, size, known) | {"goal": 3.0}
        for name, known in (("again", True), ("first", False))
    }


def ring(testbed: Testbed, size: Size) -> dict[str, Any]:
    """Measure what a writer pays."""
    return {
        f"{name}, {dashboards} dashboards": scenarios.ring(testbed, size, redis=redis, dashboards=dashboards)
        | {"goal": goal}
        for name, redis, goal in (("without Redis", False, 5.0), ("with Redis", True, 60.0))
        for dashboards in (0, 50)
    }


def stalled(testbed: Testbed, size: Size) -> dict[str, Any]:
    """Measure sockets that stop reading."""
    return scenarios.stalled(testbed, size)


def outages(testbed: Testbed, size: Size) -> dict[str, Any]:
    """Measure servers that stop and come back."""
    return {what: scenarios.outage(testbed, size, what) for what in ("Redis", "database", "server")}


def idle(testbed: Testbed, size: Size) -> dict[str, Any]:
    """Measure an idle server."""
    return scenarios.idle(testbed, size) | {"sockets": size.sockets}


if __name__ == "__main__":
    main()
