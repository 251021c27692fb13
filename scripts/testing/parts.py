"""The parts of `make test`, in the order in which those of a lane run: the quick ones first."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from scripts.testing.node import NodeTests
from scripts.testing.running import BIN, PYTHON, Command, Step, Tests, Together

ROOT = Path(__file__).resolve().parents[2]
# Folders of tests/ with a part of their own, or without tests for pytest; `sqlite` runs all the others.
OWN_PART = ("browser", "topology", "torture", "benchmarks", "servers", "js")
PROCESSORS = os.cpu_count() or 1
# For tests that share a site with the others of their file; tests/servers/plugin.py says which file begins first.
WHOLE_FILES = ("--dist", "loadfile", "--no-loadscope-reorder")


def parallel(more: int) -> tuple[str, str]:
    """So many processes more than there are processors, for tests that wait: for servers, or for PostgreSQL."""
    return "-n", str(PROCESSORS + more)


def parts() -> dict[str, list[Step]]:
    """Every part by name, as the commands it runs."""
    return {
        "lint": lint(),
        "javascript": [NodeTests(node(), tuple(files("tests/js", "*.test.*js")))],
        "sqlite": [Tests(fast(), spread=parallel(1))],
        "postgres": [Tests(("tests/integration",), ("--database", "postgres"), parallel(2))],
        # These wait most, for processes that start, or are killed.
        "processes": [Tests(("tests/topology", "tests/torture"), spread=(*parallel(2), *WHOLE_FILES))],
        # A process of their own, without asyncio's tests; each has a browser, which is several more.
        "browser": [Tests(("tests/browser",), spread=(*parallel(0), *WHOLE_FILES))],
    }


def lint() -> list[Step]:
    """Style, types, layers, settings and migrations; what takes longest begins first."""
    return [
        Together(
            (
                Command((str(BIN / "mypy"),)),
                Command((PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING")),
                Command((PYTHON, "manage.py", "makemigrations", "--check", "--dry-run")),
                Command((node(), "node_modules/typescript/bin/tsc")),
                Command((str(BIN / "lint-imports"),)),
                Command((str(BIN / "djade"), "--target-version", "5.2", "--check", *templates())),
                Command((str(BIN / "djhtml"), "--tabwidth", "2", "--check", "signal_log/templates", "templates")),
                Command((node(), "node_modules/@biomejs/biome/bin/biome", "ci")),
                Command((PYTHON, "scripts/line_length.py")),
                Command((str(BIN / "ruff"), "check")),
                Command((str(BIN / "ruff"), "format", "--check")),
            )
        )
    ]


def fast() -> tuple[str, ...]:
    """The entries of tests/ that belong to the parallel call on SQLite."""
    return tuple(f"tests/{path.name}" for path in sorted((ROOT / "tests").iterdir()) if is_fast(path))


def is_fast(path: Path) -> bool:
    """Whether this entry of tests/ is one of them."""
    if path.is_dir():
        return path.name not in OWN_PART and any(path.rglob("test_*.py"))
    return path.name.startswith("test_")


def files(folder: str, pattern: str) -> list[str]:
    """The files that a program is to be given; none is an error, or it would look for others by itself."""
    found = sorted(str(path) for path in (ROOT / folder).rglob(pattern))
    if not found:
        raise FileNotFoundError(f"no {pattern} in {folder}")
    return found


def templates() -> list[str]:
    """Every template that is HTML."""
    return [*files("signal_log/templates", "*.html"), *files("templates", "*.html")]


def node() -> str:
    """The machine's Node.js, or the one in the virtual environment."""
    return shutil.which("node") or str(BIN / "node")
