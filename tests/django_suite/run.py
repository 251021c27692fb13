"""Runs Django's own tests without and with the app, and names each test that the app makes fail.

``expected.toml`` lists the tests that must fail, each with a reason. Any other failure, and a listed test that passes
or no longer exists, makes this exit with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import django

from tests.django_suite.source import ROOT, django_tests

EXPECTED = Path(__file__).with_name("expected.toml")
MODULES = [
    "signals", "delete", "delete_regress", "transactions", "transaction_hooks", "basic", "model_inheritance",
    "m2m_signals", "m2m_through", "proxy_models", "async", "fixtures", "get_or_create", "bulk_create", "update",
    "select_for_update", "admin_views", "dispatch",
]  # fmt: skip
BARE, OBSERVED = "settings", "observed_settings"

Outcomes = dict[str, dict[str, str]]


class Difference(NamedTuple):
    """What the app changed, by name of the test."""

    inherent: list[str]
    unexpected: list[str]
    passed: list[str]
    missing: list[str]


def main() -> None:
    """Run both, compare and report."""
    options = arguments()
    with ExitStack() as stack:
        environment = environment_for(options.database, stack)
        bare = outcomes(BARE, options.modules, environment)
        observed = outcomes(OBSERVED, options.modules, environment)
    reasons = expected(options.database, options.modules)
    found = compared(bare, observed, reasons)
    print("\n".join(report(found, observed, reasons)))
    sys.exit(1 if found.unexpected or found.passed or found.missing else 0)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.django_suite.run", description=__doc__.split("\n")[0])
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("modules", nargs="*", metavar="MODULE", default=MODULES, help="folders of Django's tests")
    options = parser.parse_args()
    if any("." in module for module in options.modules):
        parser.error("name whole modules, such as `signals`: the list of expected failures is kept by module")
    return options


def environment_for(database: str, stack: ExitStack) -> dict[str, str]:
    """Return the environment of both runs; PostgreSQL is started for them if requested."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    environment.pop("DJANGO_SUITE_POSTGRES", None)
    if database == "postgres":
        from tests.servers.postgres import Postgres

        environment["DJANGO_SUITE_POSTGRES"] = stack.enter_context(Postgres()).url()
    return environment


def outcomes(settings: str, modules: list[str], environment: dict[str, str]) -> Outcomes:
    """Return how each test of the modules ended under these settings."""
    folder = django_tests()
    command = [sys.executable, "runtests.py", "--parallel=1", "--noinput", "--buffer"]
    command += [f"--settings=tests.django_suite.{settings}", *modules]
    print(f"--- Django's tests with {settings}: {' '.join(modules)}", flush=True)
    with tempfile.TemporaryDirectory() as place:
        result = Path(place) / "outcomes.json"
        ended = subprocess.run(
            command,
            cwd=folder,
            env=environment | {"DJANGO_SUITE_REPORT": str(result)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        log = folder.parent.with_name(f"{settings}.log")
        log.write_text(ended.stdout)
        if not result.exists():
            raise SystemExit(f"{ended.stdout[-4000:]}\nDjango's tests could not be run with {settings}.")
        results = json.loads(result.read_text())
        read: Outcomes = results["tests"]
        count = Counter(outcome["outcome"] for outcome in read.values())
        counted = ", ".join(f"{number} {outcome}" for outcome, number in sorted(count.items()))
        print(f"    {counted}; {results['events']} events stay in the log ({log.relative_to(ROOT)})", flush=True)
        if (results["events"] > 0) != (settings == OBSERVED):
            raise SystemExit(f"Under {settings} that number of events cannot be: the comparison would say nothing.")
        return read


def expected(database: str, modules: list[str], version: tuple[int, ...] = django.VERSION[:2]) -> dict[str, str]:
    """Return the tests that are known to fail with the app on this database and Django, with reasons."""
    groups = tomllib.loads(EXPECTED.read_text())["group"]
    return {
        test: group["reason"]
        for group in groups
        if database in group.get("databases", (database,)) and version >= numbers(group.get("since", "0"))
        for test in group["tests"]
        if test.split(".")[0] in modules
    }


def numbers(version: str) -> tuple[int, ...]:
    """Parse a version for comparing."""
    return tuple(map(int, version.split(".")))


def compared(bare: Outcomes, observed: Outcomes, reasons: dict[str, str]) -> Difference:
    """Return which tests fail only with the app, and where the list of expected failures is wrong."""
    changed = sorted(name for name in bare.keys() | observed.keys() if how(bare, name) != how(observed, name))
    # A test that fails in both runs says nothing about the app; nor does one that fails only without it.
    worse = [name for name in changed if how(bare, name) != "failed"]
    return Difference(
        inherent=[name for name in worse if name in reasons],
        unexpected=[name for name in worse if name not in reasons],
        passed=sorted(name for name in reasons if how(observed, name) == "passed"),
        missing=sorted(name for name in reasons if how(observed, name) == "not run"),
    )


def how(run: Outcomes, name: str) -> str:
    """Return how the test ended in a run."""
    return run[name]["outcome"] if name in run else "not run"


def report(found: Difference, observed: Outcomes, reasons: dict[str, str]) -> Iterator[str]:
    """Yield the lines to print, unexpected failures last and with their traceback."""
    for name in found.inherent:
        yield f"as expected   {name}: {reasons[name]}"
    for name in found.missing:
        yield f"LISTED, BUT NO SUCH TEST  {name}"
    for name in found.passed:
        yield f"LISTED, BUT IT PASSES     {name}"
    for name in found.unexpected:
        yield f"{how(observed, name).upper()} ONLY WITH THE APP  {name}\n{observed.get(name, {}).get('text', '')}"
    yield (
        f"{len(observed)} tests; only with the app {len(found.inherent) + len(found.unexpected)} end otherwise, "
        f"{len(found.inherent)} of them listed in {EXPECTED.relative_to(ROOT)}"
    )


if __name__ == "__main__":
    main()
