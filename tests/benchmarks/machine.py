"""The machine in general words: enough to compare numbers, nothing that names it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

from tests.benchmarks.peers import PEERS, installed


def description() -> str:
    """Cores, system and versions."""
    names = ["django", "psycopg", "orjson", *(PEERS[name] for name in installed())]
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {packages}"
