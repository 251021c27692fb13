"""Runs other projects' own tests without and with the app observing every model, and names each difference.

``expected.toml`` lists the tests that must end otherwise, each with a reason. Any other difference, a listed test that
passes or no longer exists, and a suite that could not be fetched or ran no test make this exit with 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.hosts.running import Run, Unusable
from tests.hosts.source import VAR
from tests.hosts.suite import PYTHON, Suite, suites
from tests.hosts.verdict import Difference, compared, expected, report

EXPECTED = Path(__file__).with_name("expected.toml")
DATABASES = ("sqlite", "postgres")
HEAD = ("suite", "database", "tests", "failures without", "with", "new", "listed", "fixed", "seconds")


class Row(NamedTuple):
    """One suite on one database."""

    suite: Suite
    database: str
    bare: Run
    observed: Run
    reasons: dict[str, str]
    found: Difference

    def cells(self) -> list[str]:
        """Return the row of the table."""
        found = self.found
        new = len(found.unexpected) + len(found.passed) + len(found.missing)
        failures = [str(run.count("failed")) for run in (self.bare, self.observed)]
        seconds = f"{self.bare.seconds:.0f} {self.observed.seconds:.0f}"
        tests = str(len(self.observed.tests))
        return [
            self.suite.name, self.database, tests, *failures, str(new), str(len(found.inherent)),
            str(len(found.fixed)), seconds,
        ]  # fmt: skip


def main() -> None:
    """Run all pairs, compare and report."""
    options = arguments()
    if not PYTHON.exists():
        raise SystemExit("The suites' packages are not installed: use `make hosts`.")
    databases = DATABASES if options.database == "both" else (options.database,)
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hosts-")))
        urls = dict.fromkeys(databases, "")
        if "postgres" in databases:
            from tests.servers.postgres import Postgres

            urls["postgres"] = stack.enter_context(Postgres()).url()
        chosen = [suites()[name] for name in options.suites]
        for suite in chosen:
            suite.source().archive()
        pool = stack.enter_context(ThreadPoolExecutor(options.processes))
        pairs = [(suite, database) for suite in chosen for database in databases]
        begun = [
            [pool.submit(suite.run, place, observed, urls[database]) for observed in (False, True)]
            for suite, database in pairs
        ]
        rows, unusable = [], []
        for (suite, database), futures in zip(pairs, begun, strict=True):
            try:
                rows.append(judged(suite, database, *futures))
            except Unusable as error:
                unusable.append(str(error))
                print(error, flush=True)
    print("\n".join(table(rows)))
    for error in unusable:
        print(f"UNUSABLE  {error.splitlines()[0]}")
    sys.exit(0 if rows and not unusable and all(row.found.as_listed for row in rows) else 1)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    names = list(suites())
    parser = argparse.ArgumentParser(prog="python -m tests.hosts.run", description=__doc__.split("\n")[0])
    parser.add_argument("--database", choices=("both", *DATABASES), default="both")
    parser.add_argument("--processes", type=int, default=2, help="runs at the same time (2)")
    parser.add_argument("suites", nargs="*", metavar="SUITE", default=names, help=f"of {', '.join(names)}; all if none")
    options = parser.parse_args()
    if unknown := set(options.suites) - set(names):
        parser.error(f"there is no suite {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return options


def judged(suite: Suite, database: str, *futures: Future[Run]) -> Row:
    """Wait for both runs, compare them, and print what differs."""
    bare, observed = (future.result() for future in futures)
    reasons = expected(EXPECTED, suite.name, database)
    found = compared(bare.tests, observed.tests, reasons)
    print(f"--- {suite.name} {suite.source().version} on {database}\n    without: {bare}\n    with: {observed}")
    print("".join(f"{line}\n" for line in report(found, bare.tests, observed.tests, reasons)), end="", flush=True)
    return Row(suite, database, bare, observed, reasons, found)


def table(rows: list[Row]) -> Iterator[str]:
    """Yield the lines of the last table."""
    lines = [list(HEAD), *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    yield f"\nNew, listed and fixed: tests that end otherwise with the app. Outputs: {VAR.name}/logs"
    for line in lines:
        left = [cell.ljust(width) for cell, width in zip(line[:2], widths[:2], strict=True)]
        yield "  ".join(left + [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)])


if __name__ == "__main__":
    main()
