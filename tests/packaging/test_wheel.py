"""The published package holds all of the reusable app and nothing of the project around it."""

import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """The names of the files inside the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_app_and_nothing_else(names: set[str]) -> None:
    """The wheel contains the reusable app, without the project and compiled files."""
    assert {name.split("/")[0].split("-")[0] for name in names} == {"signal_log"}
    assert not [name for name in names if "__pycache__" in name]


def test_every_file_of_the_app_is_in_the_wheel(names: set[str]) -> None:
    """No file of the app is missing, except declarations that only the type checker reads."""
    files = (path for path in (ROOT / "signal_log").rglob("*") if path.is_file())
    there = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}
    only_for_tsc = {name for name in there if name.endswith(".d.ts")}
    assert there - only_for_tsc <= names
    assert not only_for_tsc & names


def test_pytest_finds_the_plugin(wheel: Path) -> None:
    """Installing the wheel is enough to have the fixture."""
    (installed,) = distributions(path=[str(wheel)])
    (plugin,) = installed.entry_points.select(group="pytest11")
    assert plugin.value == "signal_log.pytest_plugin"
    assert hasattr(plugin.load(), "signal_log")


@pytest.mark.parametrize("file", ["preact.js", "htm.js", "licences/preact.txt"])
def test_front_end_packages_are_included_with_their_licences(names: set[str], file: str) -> None:
    """The vendored scripts and their licences are in the wheel."""
    assert f"signal_log/static/signal_log/vendor/{file}" in names


def test_types_and_licence_are_included(names: set[str]) -> None:
    """The wheel has the marker for type checkers and the licence."""
    assert "signal_log/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_no_wheel_without_the_front_end_files(tmp_path: Path) -> None:
    """The build names what is missing and the command that brings it, and leaves no file behind."""
    copy = tmp_path / "source"
    ignored = shutil.ignore_patterns("vendor", "__pycache__")
    shutil.copytree(ROOT / "signal_log", copy / "signal_log", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "hatch_build.py"):
        shutil.copy(ROOT / name, copy)
    out = tmp_path / "dist"
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, copy]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "lacks preact.js, htm.js, htm-preact.js, licences/preact.txt" in said
    assert "make dist" in said
    assert list(out.glob("*")) == []


def test_the_build_needs_every_file_that_is_vendored() -> None:
    """What `scripts/vendor.py` copies and what the build asks for are the same."""
    vendored = re.findall(r'^    "([\w.-]+\.js)": "', (ROOT / "scripts" / "vendor.py").read_text(), re.MULTILINE)
    needed = re.findall(r'"([\w.-]+\.js)"', (ROOT / "hatch_build.py").read_text())
    assert len(needed) >= 3
    assert sorted(vendored) == sorted(needed)
