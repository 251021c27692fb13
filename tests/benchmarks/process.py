"""Runs one measurement in a process of its own, on an empty database made for it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DATABASES = ("sqlite", "postgres")
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
SETTINGS = "tests.benchmarks.settings"


def measured(module: str, database: str, settings: str = SETTINGS, **options: int) -> dict[str, Any]:
    """Return what ``measure(**options)`` of the module returns there."""
    print(f"{module} on {NAMES[database]} {options}", file=sys.stderr)  # it takes minutes
    with address_of(database) as address:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": settings,
            "SECRET_KEY": secrets.token_urlsafe(50),
            "DATABASE_URL": address,
            "DEBUG": "0",
            "HTTPS": "0",
            "ALLOWED_HOSTS": "testserver",
            "EMAIL_URL": "dummymail://",
        }
        command = [sys.executable, "-m", "tests.benchmarks.process", module, json.dumps(options)]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{module} on {NAMES[database]} ended with {done.returncode}; see its error above.")
    result: dict[str, Any] = json.loads(done.stdout)
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
    _, module, options = sys.argv
    print(json.dumps(importlib.import_module(module).measure(**json.loads(options))))


if __name__ == "__main__":
    inside()
