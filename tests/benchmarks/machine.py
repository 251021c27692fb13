"""The machine in general words: enough to compare numbers, nothing that names it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version


def description() -> str:
    """Cores, system and versions."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("django", "psycopg", "orjson"))
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {packages}"
