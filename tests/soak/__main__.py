"""Runs the whole installation for minutes or hours, kills its parts at random, and judges what is left: ``make soak``.

Exit status: 0 nothing was wrong, 1 something was.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

from tests.soak.judge import LATE
from tests.soak.report import page, shown
from tests.soak.run import Options, soak

MINUTES = 4.0
MOST_KILLS = 200


def main() -> None:
    """Run it, and print the report."""
    given = arguments()
    seconds = 60 * given.minutes
    options = Options(
        seconds, given.sockets, given.rate, given.seed, given.every or max(10.0, seconds / MOST_KILLS), given.late
    )
    words = f"--minutes {given.minutes:g} --sockets {given.sockets} --rate {given.rate:g} --seed {given.seed}"
    words += f" --every {given.every:g}" if given.every else ""
    words += "" if given.late == LATE else f" --late {given.late:g}"
    print(f"Seed {options.seed}.", flush=True)
    run, outcome, found = soak(options, f'make soak ARGS="{words}"', given.logs)
    print("\n" + shown(run, outcome, found))
    if given.report:
        given.report.write_text(page(run, outcome, found, time.strftime("%-d %B %Y")))
    sys.exit(bool(found))


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"how long ({MINUTES:g})")
    parser.add_argument("--sockets", type=int, default=200, help="open pages, each of a person of its own (200)")
    parser.add_argument("--rate", type=float, default=6, help="actions a second, each some five events (6)")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="repeats the plan of kills")
    parser.add_argument("--every", type=float, help="seconds between two kills, on average (10, or a 200th of the run)")
    parser.add_argument("--late", type=float, default=LATE, help=f"seconds in which an event must come ({LATE:g})")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep there what each process has said")
    parser.add_argument("--report", type=Path, metavar="FILE", help="also write the report there, as Markdown")
    return parser.parse_args()


if __name__ == "__main__":
    main()
