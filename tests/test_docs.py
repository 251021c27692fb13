"""The documentation names what exists: every setting, filter, column, close code, variable and make target."""

import re
from pathlib import Path

import pytest

from signal_log import filters
from signal_log.conf import KEYS
from signal_log.models import SignalEvent

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", [*KEYS, *filters.KEYS, *(f.name for f in SignalEvent._meta.concrete_fields)])
def test_settings_filters_and_columns(name):
    """Each has its place in the reference."""
    assert f"`{name}`" in REFERENCE


@pytest.mark.parametrize("code", ["4400", "4401", "4403", "4408", "4429", "1012"])
def test_close_codes(code):
    """A client's author finds each close code."""
    assert code in REFERENCE


def test_environment():
    """Each variable that the settings read is listed."""
    source = (ROOT / "observatory" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source)) | set(re.findall(r'"([A-Z_]+)" in env', source))
    assert len(read) > 10
    assert {name for name in read if f"`{name}`" not in REFERENCE} == set()


def test_links_lead_somewhere():
    """Every relative link and picture of the README and the docs exists."""
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        targets = re.findall(r"\]\((?!http)([^)#]+)", page.read_text()) + re.findall(
            r'src(?:set)?="([^"]+)"', page.read_text()
        )
        for target in targets:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("target", ["run", "demo", "test"])
def test_make_targets(target):
    """The commands that the README names are targets of the Makefile."""
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
