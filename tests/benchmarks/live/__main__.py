"""Measures what docs/live-performance.md says, and prints its tables: ``make bench-live``."""

from __future__ import annotations

import argparse
import json
from typing import Any

from tests.benchmarks.live import scenes
from tests.benchmarks.live.report import report
from tests.benchmarks.live.scenes import QUICK, Size, say
from tests.benchmarks.live.stage import Stage

PARTS = ("sustained", "soon", "ring", "stalled", "outages", "idle")


def main() -> None:
    """One scene after the other, then the tables."""
    options = arguments()
    size = QUICK if options.quick else Size()
    found: dict[str, Any] = {}
    with Stage() as stage:
        for part in options.parts:
            say(part)
            found[part] = globals()[part](stage, size)
    print(json.dumps(found) if options.json else "\n".join(report(found)))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.live", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="50 sockets and short steps: whether it runs, no figures")
    parser.add_argument("--json", action="store_true", help="every figure, for other programs")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)}")
    options = parser.parse_args()
    if wrong := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(wrong))}")
    options.parts = options.parts or PARTS
    return options


def sustained(stage: Stage, size: Size) -> dict[str, Any]:
    """How much, beside the rivals."""
    return {
        "textbook": scenes.textbook(stage, size),
        "bare": scenes.bare(stage, size, 1),
        "bare batched": scenes.bare(stage, size, 50),
        "ours": scenes.ours(stage, size),
    }


def soon(stage: Stage, size: Size) -> dict[str, Any]:
    """How soon, and whether once."""
    many = f"{size.sockets} sockets"
    return {
        "1 socket, 20/s, saves": scenes.soon(stage, size, 1, 20) | {"goal_p50": 10.0},
        f"{many}, 200/s, saves": scenes.soon(stage, size, size.sockets, 200) | {"goal_p99": 250.0},
        f"{many}, 200/s, each cut every 5 s": scenes.churned(stage, size, 200),
    }


def ring(stage: Stage, size: Size) -> dict[str, Any]:
    """What a writer pays."""
    return {
        f"{name}, {dashboards} dashboards": scenes.ring(stage, size, redis=redis, dashboards=dashboards)
        | {"goal": goal}
        for name, redis, goal in (("without Redis", False, 5.0), ("with Redis", True, 60.0))
        for dashboards in (0, 50)
    }


def stalled(stage: Stage, size: Size) -> dict[str, Any]:
    """Sockets that stop reading."""
    return scenes.stalled(stage, size)


def outages(stage: Stage, size: Size) -> dict[str, Any]:
    """What goes away and comes back."""
    return {what: scenes.outage(stage, size, what) for what in ("Redis", "database", "server")}


def idle(stage: Stage, size: Size) -> dict[str, Any]:
    """Nothing happens."""
    return scenes.idle(stage, size) | {"sockets": size.sockets}


if __name__ == "__main__":
    main()
