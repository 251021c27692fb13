"""The third-party packages that the benchmark compares with, if they are installed.

`make bench` installs them from a lock file of its own; nothing else in the project needs them.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Final

PEERS: Final = {
    "simple_history": "django-simple-history",
    "auditlog": "django-auditlog",
    "pghistory": "django-pghistory",
}
"""Python package: name on the package index."""

APPS: Final = {"simple_history": ["simple_history"], "auditlog": ["auditlog"], "pghistory": ["pgtrigger", "pghistory"]}
POSTGRES_ONLY: Final = {"pghistory"}  # triggers write its history


def installed() -> list[str]:
    """Return those of the packages that can be imported."""
    return [name for name in PEERS if find_spec(name)]


def apps(engine: str) -> list[str]:
    """Return their INSTALLED_APPS on this kind of database."""
    usable = [name for name in installed() if name not in POSTGRES_ONLY or engine.endswith("postgresql")]
    return [app for name in usable for app in APPS[name]]


def complain() -> None:
    """Say on stderr which are missing, and how to install them."""
    missing = [package for name, package in PEERS.items() if name not in installed()]
    if missing:
        print(
            f"NOT MEASURED, because not installed: {', '.join(missing)}. `make bench` installs them first, "
            "`pip install --require-hashes -r requirements-bench.txt` does by itself.",
            file=sys.stderr,
        )
