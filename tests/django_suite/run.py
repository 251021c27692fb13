"""Runs Django's own tests without and with the app, and names each test that the app makes end otherwise.

``expected.toml`` lists the tests that must, each with a reason. Any other difference, and a listed test that passes
or no longer exists, makes this exit with 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import django

from tests.hosts.observed_host.job import Job
from tests.hosts.running import Run, Unusable, run
from tests.hosts.source import ROOT, Source, locked
from tests.hosts.verdict import compared, expected, report

EXPECTED = Path(__file__).with_name("expected.toml")
LOCK = ROOT / "requirements.txt"
MODULES = [
    "signals", "delete", "delete_regress", "transactions", "transaction_hooks", "basic", "model_inheritance",
    "m2m_signals", "m2m_through", "proxy_models", "async", "fixtures", "get_or_create", "bulk_create", "update",
    "select_for_update", "admin_views", "dispatch", "test_utils", "backends", "prefetch_related", "auth_tests",
    "migrations", "defer", "many_to_many", "m2m_recursive",
]  # fmt: skip


def main() -> None:
    """Run both, compare and report."""
    options = arguments()
    source = locked("django", LOCK, django.__version__)
    source.archive()
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="django-suite-")))
        url = ""
        if options.database == "postgres":
            from tests.servers.postgres import Postgres

            url = stack.enter_context(Postgres()).url()
        pool = stack.enter_context(ThreadPoolExecutor(options.processes))
        begun = [pool.submit(once, source, place, options.modules, observed, url) for observed in (False, True)]
        try:
            bare, observed = (future.result() for future in begun)
        except Unusable as error:
            raise SystemExit(str(error)) from None
    reasons = of_modules(expected(EXPECTED, "django", options.database), options.modules)
    found = compared(bare.tests, observed.tests, reasons)
    print(f"Django {django.__version__} on {options.database}\n    without: {bare}\n    with: {observed}")
    print("\n".join(report(found, bare.tests, observed.tests, reasons)))
    print(
        f"{len(observed.tests)} tests; {len(found.inherent) + len(found.unexpected) + len(found.fixed)} end otherwise "
        f"with the app, {len(found.inherent)} of them listed in {EXPECTED.relative_to(ROOT)}"
    )
    sys.exit(0 if found.as_listed else 1)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.django_suite.run", description=__doc__.split("\n")[0])
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--processes", type=int, default=2, help="runs at the same time (2)")
    parser.add_argument("modules", nargs="*", metavar="MODULE", default=MODULES, help="folders of Django's tests")
    options = parser.parse_args()
    if any("." in module for module in options.modules):
        parser.error("name whole modules, such as `signals`: the list of expected differences is kept by module")
    return options


def once(source: Source, place: Path, modules: list[str], observed: bool, postgres: str) -> Run:
    """Run the tests of the modules on a copy of their own."""
    title = f"django {django.__version__} {'postgres' if postgres else 'sqlite'} {'with' if observed else 'without'}"
    place = place / title.replace(" ", "_")
    place.mkdir()
    job = Job(report=str(place / "report.json"), observed=observed, postgres=postgres, prefix=title.rpartition(" ")[2])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DJANGO_")}
    command = [sys.executable, "runtests.py", "--parallel=1", "--noinput", "--buffer"]
    command += [f"--settings=tests.django_suite.{'observed_settings' if observed else 'settings'}", *modules]
    folder = source.unpack(place / "archive") / "tests"
    return run(title, command, folder, environment | {"PYTHONPATH": str(ROOT)}, job)


def of_modules(reasons: dict[str, str], modules: list[str]) -> dict[str, str]:
    """Return those of the listed tests that are in these modules."""
    return {test: reason for test, reason in reasons.items() if test.split(".")[0] in modules}


if __name__ == "__main__":
    main()
