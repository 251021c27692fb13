"""Counts what recording adds to a save in processor instructions: ``python -m tests.benchmarks.instructions``.

A clock also counts what else a machine does; instructions do not, so a hundredth shows. What the kernel does, and
waiting for a disk or a server, is not in them, so it is SQLite alone. Each number is the difference of two runs, one
with twice as many saves, so nothing but saves is left in it. It needs Valgrind.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.benchmarks.machine import description
from tests.benchmarks.markdown import head, line
from tests.benchmarks.process import address_of, called

BLOCK = 100
LOGGERS = ("bare", "handwritten", "lean", "signal_log")
MISSING = "NOT COUNTED: valgrind is not installed. `apt-get install valgrind` installs it."
Counts = Mapping[str, Mapping[str, float]]


def main() -> None:
    """Count, and print tables in Markdown or everything as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.instructions", description=__doc__.split("\n")[0])
    parser.add_argument("--saves", type=int, default=200, help=f"saves in the first run, a multiple of {BLOCK} (200)")
    parser.add_argument("--json", action="store_true", help="instructions a save, for other programs")
    options = parser.parse_args()
    if options.saves < BLOCK or options.saves % BLOCK:
        parser.error(f"--saves must be a multiple of {BLOCK}")
    if not can_count():
        sys.exit(MISSING)
    counts = count(options.saves)
    print(json.dumps(counts) if options.json else "\n".join(report(counts)))


def can_count() -> bool:
    """Return whether Valgrind is installed."""
    return shutil.which("valgrind") is not None


def count(saves: int) -> Counts:
    """Return instructions a save, by scene and logger."""
    with tempfile.TemporaryDirectory() as name, address_of("sqlite") as address:
        folder = Path(name)
        valgrind = ("valgrind", "--quiet", "--tool=cachegrind", "--cache-sim=no", "--trace-children=no")
        called("tests.benchmarks.counted.make_database", address)
        found = called(
            "tests.benchmarks.counted.measure", address, saves=saves, loggers=LOGGERS,
            under=(*valgrind, f"--cachegrind-out-file={folder}/cachegrind.%p"),
        )  # fmt: skip
        return {
            scene: {
                logger: (total(folder, more) - total(folder, fewer)) / saves
                for logger, (fewer, more) in processes.items()
            }
            for scene, processes in found.items()
        }


def total(folder: Path, pid: str) -> int:
    """Return the instructions of a process, from what cachegrind wrote when it ended."""
    lines = (folder / f"cachegrind.{pid}").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("summary:")).split()[1])


def report(counts: Counts) -> Iterator[str]:
    """Return two tables: what each logger adds in thousands, and the ratios."""
    yield description()
    yield ""
    yield from head(["thousand instructions a save, SQLite", "bare save", *(f"{each} adds" for each in LOGGERS[1:])])
    for scene, of in counts.items():
        yield line(
            [scene, *(f"{value / 1000:,.0f}" for value in (of["bare"], *(added(of)[name] for name in LOGGERS[1:])))]
        )
    yield ""
    yield from head(["added instructions", "signal_log / handwritten", "signal_log / lean", "lean / handwritten"])
    for scene, of in counts.items():
        ours, lean, hand = (added(of)[name] for name in ("signal_log", "lean", "handwritten"))
        yield line([scene, *(f"{ratio:.2f}" for ratio in (ours / hand, ours / lean, lean / hand))])


def added(of: Mapping[str, float]) -> dict[str, float]:
    """Return the instructions above a bare save."""
    return {name: value - of["bare"] for name, value in of.items()}


if __name__ == "__main__":
    main()
