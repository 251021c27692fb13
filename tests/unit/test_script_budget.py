"""How much script the live page loads, as it is served: without comments, each file compressed."""

import gzip
import re
from functools import cache
from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from observatory.staticfiles import HashedStaticFiles
from signal_log.uncommented import uncommented

STATIC = Path(__file__).resolve().parents[2] / "signal_log" / "static" / "signal_log"
ENTRIES = ("js/live.js", "js/pages.js", "js/theme.js")
"""The scripts in the head of the live page."""
IMPORT = re.compile(r'\b(?:from|import)\s*"(\./|\.\./)([^"]+)"')
LATER = re.compile(r'\bimport\("([^"]+)"\)')
QUOTED = re.compile(r'\\`|"`"')
COMMENT = re.compile(r"\s*(?://|/?\*)|\s*$")


@cache
def served(script: Path) -> str:
    """The script as a browser has it."""
    text = script.read_text(encoding="utf-8")
    return text if "vendor" in script.parts else uncommented(text)


def closure(scripts: list[Path]) -> set[Path]:
    """These scripts with all that they import, unless they do so later."""
    found: set[Path] = set()
    while scripts:
        script = scripts.pop()
        if script not in found:
            found.add(script)
            scripts += [(script.parent / "".join(name)).resolve() for name in IMPORT.findall(served(script))]
    return found


def size(scripts: set[Path]) -> int:
    """Their bytes, compressed one by one."""
    return sum(len(gzip.compress(served(script).encode(), 9)) for script in scripts)


def test_what_the_live_page_loads_is_within_its_budgets() -> None:
    """At first paint 90 KB, and 40 more for what a reader may open afterwards."""
    first = closure([STATIC / name for name in ENTRIES])
    later = {(script.parent / name).resolve() for script in first for name in LATER.findall(served(script))}
    more = closure([*later]) - first
    assert STATIC / "vendor" / "preact.js" in first
    assert {path.name for path in later} >= {"detail.js", "menu.js", "palette.js", "rate_panel.js", "completing.js"}
    assert size(first) <= 90_000
    assert size(more) <= 40_000


@pytest.mark.parametrize("script", sorted((STATIC / "js").rglob("*.js")), ids=lambda path: path.stem)
def test_only_comments_go(script: Path) -> None:
    """Each line is served as it is written, in its place, or was a comment and is empty."""
    written, left = script.read_text(encoding="utf-8").split("\n"), served(script).split("\n")
    assert len(written) == len(left)
    in_template = False
    for before, after in zip(written, left, strict=True):
        assert after in (before, "")
        if after != before:
            assert COMMENT.match(before), before
            assert not in_template, before
        else:
            in_template ^= QUOTED.sub("", after).count("`") % 2 == 1


def test_the_project_serves_its_scripts_so(tmp_path: Path) -> None:
    """Collected scripts have no comments, and what one of them loads later has a hashed name too; others stay whole."""
    storage = HashedStaticFiles(location=tmp_path)
    scripts = {
        "signal_log/js/one.js": '// Why.\nexport const load = () => import("./two.js");\n',
        "signal_log/js/two.js": "/** @type {number} */\nexport const two = 2; // said beside it\n",
        "other/js/three.js": "// Licence\n",
    }
    for name, script in scripts.items():
        storage.save(name, ContentFile(script.encode()))
    hashed = dict(pair[:2] for pair in storage.post_process({name: (storage, name) for name in scripts}))
    one, two, three = ((tmp_path / hashed[name]).read_text() for name in scripts)
    assert re.fullmatch(r'\nexport const load = \(\) => import\("\./two\.\w+\.js"\);\n', one)
    assert two == "\nexport const two = 2; // said beside it\n"
    assert three == "// Licence\n"
