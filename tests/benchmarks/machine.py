"""Describes the machine in general terms: enough to compare numbers, nothing that identifies it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

from tests.benchmarks.peers import PEERS, installed


def description() -> str:
    """Return cores, system and versions."""
    names = ["django", "psycopg", "orjson", *(PEERS[name] for name in installed())]
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {packages}"
