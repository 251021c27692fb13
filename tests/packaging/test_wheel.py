"""The published package holds all of the reusable app and nothing of the project around it."""

import zipfile
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


@pytest.mark.parametrize("file", ["preact.js", "htm.js", "licences/preact.txt"])
def test_front_end_packages_are_included_with_their_licences(names: set[str], file: str) -> None:
    """The vendored scripts and their licences are in the wheel."""
    assert f"signal_log/static/signal_log/vendor/{file}" in names


def test_types_and_licence_are_included(names: set[str]) -> None:
    """The wheel has the marker for type checkers and the licence."""
    assert "signal_log/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
