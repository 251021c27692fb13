"""The documentation names what exists: settings, pages, commands, files, functions, guarantees and decisions."""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.core.management import BaseCommand, load_command_class

import observatory.urls
import users.urls
from signal_log import __all__ as public_api
from signal_log import filters, health_urls, urls
from signal_log.audit import own_events, pins
from signal_log.audit.guard import installed as guards
from signal_log.capture.model.secret_names import PUBLIC_NAMES, SECRET_NAMES
from signal_log.conf import KEYS
from signal_log.event import BASELINE
from signal_log.models import SignalEvent
from signal_log.show.export import bodies

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [*DOCS, *sorted(ROOT.glob("*.md"))]
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
README = (ROOT / "README.md").read_text()
CONCEPTS = (ROOT / "docs" / "concepts.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()

SECURITY = (ROOT / "docs" / "security.md").read_text()
UX = (ROOT / "docs" / "ux.md").read_text()

CODE = ("signal_log", "users", "observatory", "tests", "scripts", "templates")
SUFFIXES = {".py", ".js", ".html", ".css"}
BASES = ("", "signal_log", "signal_log/static/signal_log", "signal_log/static/signal_log/js")
"""What a path in the docs may be relative to."""
PATH = re.compile(r"[\w.-]+(/[\w.-]+)*(/|\.(py|js|md|toml|html|css|json))")
DEFINITION = {
    ".py": r"^(?: {{4}})?(?:async )?(?:def|class) {0}\b|^{0}(?:: .+)? =",
    ".js": r"^(?:export )?(?:async )?(?:function|class|const|let) {0}\b|^  (?:static )?(?:async )?{0}\(.*\) \{{$",
    ".css": r"^ *{0}:",
    ".html": r"<{0}\b",
}
"""What defines a name, by the suffix of the file; a mere mention or an import does not."""
COMMANDS = {
    path.stem: app
    for app in ("signal_log", "observatory")
    for path in (ROOT / app / "management" / "commands").glob("signal_*.py")
}


def spans(text: str) -> Iterator[str]:
    """Return what a page writes in `backticks`, without code blocks."""
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def exists(name: str) -> bool:
    """Return whether a path in the docs exists."""
    return any((ROOT / base / name).exists() for base in BASES)


def anchors(page: Path) -> set[str]:
    """Return the headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(text: str, heading: str) -> str:
    """Return the text below a heading, up to the next one of its level."""
    level = heading.split(" ")[0]
    return text.split(f"\n{heading}")[1].split(f"\n{level} ")[0]


def cited(letter: str) -> dict[str, str]:
    """Return the guarantees or decisions that code and tests cite, each with a file that does."""
    files = [path for folder in CODE for path in sorted((ROOT / folder).rglob("*")) if path.suffix in SUFFIXES]
    pattern = re.compile(rf"(?<![\w.#-]){letter}\d{{1,2}}(?![\w-])")
    return {number: str(path) for path in files if "vendor" not in path.parts for number in numbers(pattern, path)}


def numbers(pattern: re.Pattern[str], path: Path) -> list[str]:
    """Return the numbers that a file cites; this file only describes the form of citations."""
    return [] if path == Path(__file__) else pattern.findall(path.read_text())


def where_to_change() -> list[tuple[str, list[str], list[str]]]:
    """Return architecture's table of where to change what: the change, the files, and the names in them."""
    rows = re.findall(r"^\| (.+?) \| (`.+?) \| (`.+?) \|$", section(ARCHITECTURE, "## Where would you"), re.MULTILINE)
    return [(what, list(spans(files)), list(spans(names))) for what, files, names in rows]


def defines(file: str, name: str) -> bool:
    """Return whether a file defines a function, constant, custom property or element of this name."""
    path = ROOT / file
    return bool(re.search(DEFINITION[path.suffix].format(re.escape(name)), path.read_text(), re.MULTILINE))


def is_test(name: str) -> bool:
    """Return whether a file of tests exists, and the test in it that is named after ``::``."""
    file, _, test = name.partition("::")
    if not (ROOT / file).is_file():
        return False
    if file.endswith(".js"):
        return f'test("{test}' in (ROOT / file).read_text()
    return bool(re.search(rf"^(async )?def {test or 'test_[a-z_]+'}\(", (ROOT / file).read_text(), re.MULTILINE))


def addresses() -> Iterator[str]:
    """Return every address of the app and of the project, with its parameters as `<>`."""
    apps = (("/", urls), ("/", health_urls), ("/accounts/", users.urls))
    for start, patterns in ((start, module.urlpatterns) for start, module in apps):
        for one in patterns:
            yield start + re.sub(r"<[^>]+>", "<>", str(one.pattern))
    for one in observatory.urls.urlpatterns:
        if getattr(one, "name", None):
            yield f"/{one.pattern}"


@pytest.mark.parametrize("name", [*KEYS, *filters.KEYS, *(f.name for f in SignalEvent._meta.concrete_fields)])
def test_settings_filters_and_columns(name):
    """Each setting, filter and column is in the reference."""
    assert f"`{name}`" in REFERENCE


@pytest.mark.parametrize("name", public_api)
def test_public_api(name):
    """Each name that a host may import is in the reference."""
    assert f"`signal_log.{name}" in section(REFERENCE, "## Python")


def test_columns_of_the_live_list():
    """Each column title is in the reference."""
    source = (ROOT / "signal_log" / "static" / "signal_log" / "js" / "parts" / "columns.js").read_text()
    titles = re.findall(r'title: "([^"]+)"', source)
    told = section(REFERENCE, "### The live page")
    assert len(titles) >= 11
    assert [title for title in titles if title not in told] == []


def test_close_codes():
    """The author of a client finds each close code."""
    source = (ROOT / "signal_log" / "tail" / "wire.py").read_text()
    codes = re.findall(r"^[A-Z_]+: Final = (1012|4\d{3})$", source, re.MULTILINE)
    assert len(codes) == 8
    assert {code for code in codes if code not in REFERENCE} == set()


def test_system_checks():
    """Each id of a system check is in the reference."""
    sources = [path.read_text() for path in (ROOT / "signal_log" / "checks").glob("*.py")]
    ids = {name for source in sources for name in re.findall(r'id="(signal_log\.[EIW]\d+)"', source)}
    assert len(ids) >= 10
    assert {name for name in ids if f"`{name}`" not in REFERENCE} == set()


def test_pages():
    """Each address is in the reference."""
    documented = {re.sub(r"<[^>]+>", "<>", span.partition("?")[0]) for span in spans(REFERENCE)}
    assert {address for address in addresses() if address not in documented} == set()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_commands(name):
    """Each of our commands is in the reference with its options."""
    told = section(REFERENCE, "## Commands")
    assert f"`{name}`" in told
    base = {action.dest for action in BaseCommand().create_parser("", "")._actions}
    for action in load_command_class(COMMANDS[name], name).create_parser("", "")._actions:
        if action.option_strings and action.dest not in base:
            assert action.option_strings[-1] in told, f"{name} {action.option_strings[-1]}"


def test_environment():
    """Each variable that the settings read is listed."""
    source = (ROOT / "observatory" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source)) | set(re.findall(r'"([A-Z_]+)" in env', source))
    assert len(read) > 10
    assert {name for name in read if f"`{name}`" not in REFERENCE} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Every relative link and image exists, and so does the heading that a link names."""
    text = page.read_text()
    for target, anchor in re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]+))?\)", text):
        path = page.parent / target if target else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), f"{target}#{anchor}"
    for picture in re.findall(r'src(?:set)?="([^"]+)"', text):
        assert (page.parent / picture).exists(), picture


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_exist(page):
    """Every file, folder and module that a page names exists."""
    text = page.read_text()
    drawn = re.findall(r"(?<![\w./-])(?:signal_log|users|observatory|tests)/[\w/.-]+\.\w+", text)
    named = [span for span in spans(text) if PATH.fullmatch(span)]
    missing = [name for name in [*drawn, *named] if not exists(name)]
    bare = [name for name in missing if "/" not in name and any(ROOT.glob(f"signal_log/**/{name}"))]
    assert [name for name in missing if name not in bare] == []


NO_MODULES = r"[EIW]\d+|(view|add|delete|export|redact|hold|seal)_\w+|signalevent_\w+|unlocked|recorder"
SIGNALS = {
    value
    for module in (own_events, guards, bodies, pins)
    for value in vars(module).values()
    if isinstance(value, str) and value.startswith("signal_log.")
} | {BASELINE}
"""Of the log's own events."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_exist(page):
    """Every dotted path into the app leads to a module, or to something in one."""
    for name in re.findall(r"(?<![\w./-])signal_log(?:\.[A-Za-z_]\w*)+(?![\w/])", page.read_text()):
        first = name.split(".")[1]
        if re.fullmatch(NO_MODULES, first) or first in public_api or name in SIGNALS:
            continue
        module, _, attribute = name.rpartition(".")
        assert find_spec(module), name
        assert hasattr(import_module(module), attribute) or find_spec(name), name


def test_where_to_change():
    """Each answer in the table names files, and functions or constants that are defined in them."""
    answers = where_to_change()
    assert len(answers) >= 25
    for what, files, names in answers:
        for name in names:
            assert any(defines(file, name) for file in files), (what, name)
        for file in files:
            assert any(defines(file, name) for name in names), (what, file)


def test_layers():
    """The architecture draws the layers that import-linter holds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = [one for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "layers"]
    drawn = " ".join(section(ARCHITECTURE, "## Layers").split())
    assert len(contracts) >= 4
    assert [one["containers"] for one in contracts if " \u203a ".join(one["layers"]) not in drawn] == []


def test_layout_of_tests():
    """Each folder and each module directly in tests/ is explained to contributors."""
    contributing = (ROOT / "docs" / "contributing.md").read_text()
    told = set(spans(section(contributing, "## Layout of tests/")))
    entries = [path for path in (ROOT / "tests").iterdir() if not path.name.startswith("_")]
    names = {
        f"tests/{path.name}{'/' if path.is_dir() else ''}" for path in entries if path.is_dir() or path.suffix == ".py"
    }
    assert len(names) > 15
    assert names - told == set()


def test_dependencies():
    """Each dependency is listed with its reason."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    front_end = json.loads((ROOT / "package.json").read_text())
    groups = [*project["project"]["optional-dependencies"].values(), *project["dependency-groups"].values()]
    wanted = {re.split(r"[\[<>=]", one)[0] for group in [project["project"]["dependencies"], *groups] for one in group}
    wanted |= {*front_end["dependencies"], *front_end["devDependencies"]}
    told = re.split(r"[\s,|()]+", section(ARCHITECTURE, "## Dependencies").lower())
    assert wanted - set(told) == set()


@pytest.mark.parametrize(("letter", "last"), [("G", 12), ("D", 14)])
def test_guarantees_and_decisions_are_defined(letter, last):
    """Each number has a section of its own, and code cites only numbers that have one."""
    defined = re.findall(rf"^### ({letter}\d+): ", CONCEPTS, re.MULTILINE)
    assert defined == [f"{letter}{number}" for number in range(1, last + 1)]
    assert {number: where for number, where in cited(letter).items() if number not in defined} == {}


@pytest.mark.parametrize("number", range(1, 13))
def test_each_guarantee_names_its_tests(number):
    """Each guarantee names the tests that check it."""
    told = section(CONCEPTS, f"### G{number}: ").partition("*Tested in*")[2]
    assert [name for name in spans(told) if name.startswith("tests/") and "/test_" in name]


def test_each_line_of_security_names_its_tests():
    """What is said to be protected names tests that exist; what is not protected is a table of its own."""
    protected, unprotected = SECURITY.split("\n## What is not protected")
    rows = re.findall(r"^\| (?!what holds|---)(.+) \| (.+) \|$", protected, re.MULTILINE)
    named = {what: [span for span in spans(tests) if span.startswith("tests/")] for what, tests in rows}
    assert len(rows) > 40
    assert [what for what, tests in named.items() if not tests] == []
    assert [name for tests in named.values() for name in tests if not is_test(name)] == []
    assert "| who | what they can do | what finds it |" in unprotected


def test_each_detail_that_readers_need_names_its_tests():
    """Each of the forty details says how it is answered, with tests that exist, or that it is not."""
    rows = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \| (.*)\|$", UX, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == list(range(1, 41))
    assert [what for _, what, how, tests in rows if not list(spans(tests)) and not how.startswith("*no*")] == []
    assert [name for name in spans(UX) if name.startswith("tests/") and not is_test(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets(page):
    """Every `make` command that a page names is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text()
    text = page.read_text()
    blocks = "".join(re.findall(r"^```\n.*?^```", text, re.MULTILINE | re.DOTALL))
    for target in re.findall(r"`make ([a-z-]+)", text) + re.findall(r"^make ([a-z-]+)", blocks, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("target", ["run", "demo", "test"])
def test_first_commands(target):
    """The README shows what a newcomer types."""
    assert f"make {target}" in README


def test_masked_names_are_listed():
    """The reference lists every name that is masked, and every one that is not, in their order."""
    section = REFERENCE.split("### Masked names\n")[1].split("\n#")[0]
    assert re.findall(r"`([\w_]+)`", section.split("*Shown*")[0].split("*Masked*")[1]) == list(SECRET_NAMES)
    assert re.findall(r"`([\w_]+)`", section.split("*Shown*")[1].split("\n\n")[0]) == list(PUBLIC_NAMES)
