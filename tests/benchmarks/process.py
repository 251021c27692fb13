"""Runs one measurement in a process of its own, on an empty database made for it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# What starts a process. Tests, to which times mean nothing, put one here that forks it.
popen: Callable[..., Any] = subprocess.Popen
DATABASES = ("sqlite", "postgres")
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
SETTINGS = "tests.benchmarks.settings"


def measured(module: str, database: str, settings: str = SETTINGS, **options: Any) -> dict[str, Any]:
    """Return what ``measure(**options)`` of the module returns there."""
    with address_of(database) as address:
        return called(f"{module}.measure", address, settings=settings, **options)


def called(
    function: str, address: str, *, settings: str = SETTINGS, under: Sequence[str] = (), **options: Any
) -> dict[str, Any]:
    """Return what the function returns in a process with the database at this address; ``under`` is what runs it."""
    print(f"{function} on {address.partition(':')[0]} {options}", file=sys.stderr)  # it takes minutes
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": settings,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DATABASE_URL": address,
        "DEBUG": "0",
        "HTTPS": "0",
        "ALLOWED_HOSTS": "testserver",
        "EMAIL_URL": "dummymail://",
        "PYTHONHASHSEED": "0",
    }
    command = [*under, sys.executable, "-m", "tests.benchmarks.process", function, json.dumps(options)]
    process = popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    with process.stdout as output:
        printed = output.read()
    if process.wait():
        sys.exit(f"{function} ended with {process.returncode}; see its error above.")
    result: dict[str, Any] = json.loads(printed)
    return result


@contextmanager
def address_of(database: str) -> Iterator[str]:
    """Make an empty database for the duration of the block."""
    if database == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/benchmark.sqlite3"
    else:
        from tests.servers.postgres import Postgres

        with Postgres() as server:
            yield server.create_database("benchmark")


def inside() -> None:
    """Measure in the child process, and pass the numbers to the parent."""
    import importlib

    import django

    django.setup()
    _, path, options = sys.argv
    module, _, function = path.rpartition(".")
    print(json.dumps(getattr(importlib.import_module(module), function)(**json.loads(options))))


if __name__ == "__main__":
    inside()
