"""The plugin as its users have it: pytest run in projects that are not ours, many tests in few processes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
SECRET_KEY = "for-the-tests-only"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "signal_log", "crew"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
SIGNAL_LOG = {"MODELS": ["crew.*"]}
MIGRATION_MODULES = {"auth": None, "contenttypes": None}
"""
MODELS = """
from django.db import models
from django.db.models.signals import post_save

class Person(models.Model):
    name = models.CharField(max_length=20)

class Card(models.Model):
    person = models.ForeignKey(Person, models.CASCADE)

def make_card(instance, created, **_):
    if created and instance.name != "stranger":
        Card.objects.create(person=instance)

post_save.connect(make_card, sender=Person)
"""
TESTS = """
import unittest
import pytest
from django.contrib.auth.models import User
from django.test import TestCase
from crew.models import Card, Person
from signal_log.testing import SignalLogMixin

@pytest.mark.django_db
def test_db(signal_log):
    with signal_log.capture() as seen:
        Person.objects.create(name="ada")
    seen.assert_tree("created crew.Person\\n  make_card → created crew.Card")
    assert {event.outcome for event in seen.events} == {"open"}

def test_transactional_db(signal_log, transactional_db):
    with signal_log.capture() as seen:
        Person.objects.create(name="ada")
    seen.assert_caused(Card, by="crew.models.make_card")
    assert {event.outcome for event in seen.events} == {"committed"}

@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_async(signal_log):
    with signal_log.capture() as seen:
        await Person.objects.acreate(name="ada")
    seen.assert_fired("post_save", Card, created=True)

@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.signal_log_budget(operations=1, queries=2)
async def test_async_budget():
    await Person.objects.acreate(name="ada")
    [one async for one in Person.objects.all()]

class InUnittest(SignalLogMixin, TestCase):
    def test_mixin(self):
        with self.signal_log.capture() as seen:
            Person.objects.create(name="stranger")
        seen.assert_nothing_fired()

    def test_mixin_snapshot(self):
        with self.signal_log.capture() as seen:
            Person.objects.create(name="stranger")
        seen.assert_matches("mixin")

@pytest.mark.django_db
def test_failing(signal_log):
    with signal_log.capture() as seen:
        Person.objects.create(name="stranger")
    seen.assert_tree("created crew.Person\\n  make_card → created crew.Card")

@pytest.mark.django_db
def test_unobserved(signal_log):
    with signal_log.capture() as seen:
        User.objects.create(username="ada")
    seen.assert_fired("post_save", User)

@pytest.mark.django_db
@pytest.mark.parametrize("name", ["kept", "other", "missing"])
def test_snapshot(signal_log, name):
    with signal_log.capture() as seen:
        Person.objects.create(name="ada")
    seen.assert_matches(name)

@pytest.mark.django_db
@pytest.mark.signal_log_budget(operations=1, queries=3, milliseconds=0)
def test_over():
    Person.objects.create(name="ada")
    for _ in range(3):
        list(Person.objects.filter(name="a secret"))

@pytest.mark.django_db
@pytest.mark.signal_log_budget(operations=2, queries=2, milliseconds=0)
def test_within():
    Person.objects.create(name="ada")

@pytest.mark.signal_log_budget(querys=2)
def test_wrong_marker():
    pass

@pytest.mark.signal_log_budget(operations=0)
def test_fails_itself():
    raise KeyError("its own")
"""
RESULT = r"^(PASSED|FAILED|ERROR) test_crew.py::(?:InUnittest::)?([\w\[\]]+)"
FAILURE = r"^_+ {0} _+$\n(.*?)(?=^(?:_+ \S+ _+|=+ .+ =+)$)"
DJANGO = ("-p", "pytest_django.plugin", "-p", "pytest_asyncio.plugin")
INI = """
[pytest]
DJANGO_SETTINGS_MODULE = host_settings
asyncio_mode = strict
asyncio_default_fixture_loop_scope = function
"""
KEPT = "created crew.Person\n  make_card → created crew.Card\n"
BARE = """
def test_no_settings(signal_log):
    with signal_log.capture():
        pass

def test_not_installed(signal_log):
    import django
    from django.conf import settings
    settings.configure(INSTALLED_APPS=[])
    django.setup()
    with signal_log.capture():
        pass

def test_unused():
    pass
"""


def run(folder: Path, *arguments: str) -> str:
    """Run pytest in the folder, where warnings are errors and markers strict, and return what it prints."""
    options = "-p signal_log.pytest_plugin -p no:cacheprovider -W error --strict-markers"
    env = {"PYTHONPATH": f"{ROOT}:{folder}", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "120"}
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options.split(), *arguments],
        cwd=folder, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with an app, tests, and two snapshots, one of which is out of date."""
    folder = tmp_path_factory.mktemp("host")
    kept = folder / "__signal_log__" / "test_crew"
    for path, text in (
        (folder / "host_settings.py", SETTINGS),
        (folder / "crew" / "__init__.py", ""),
        (folder / "crew" / "models.py", MODELS),
        (folder / "test_crew.py", TESTS),
        (folder / "pytest.ini", INI),
        (kept / "kept.txt", KEPT),
        (kept / "other.txt", "created crew.Person\n"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(scope="module")
def printed(project: Path) -> str:
    """What a run of all the project's tests prints."""
    return run(project, *DJANGO, "-rA")


def of(printed: str, test: str) -> str:
    """Return what is printed of one failure."""
    (found,) = re.findall(FAILURE.format(re.escape(test)), printed, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.one_database
def test_what_passes_and_fails(printed: str) -> None:
    """With `db` as with `transactional_db`, in coroutines, in unittest's classes."""
    ended = {name: word for word, name in re.findall(RESULT, printed, re.MULTILINE)}
    passed = {name for name, word in ended.items() if word == "PASSED"}
    assert passed == {"test_db", "test_transactional_db", "test_async", "test_snapshot[kept]", "test_within"}, printed
    assert len(ended) == 15


@pytest.mark.one_database
def test_what_failures_say(printed: str) -> None:
    """The test's own line, the tree, and what to do; not a line of ours."""
    failing = of(printed, "test_failing")
    assert '>       seen.assert_tree("' in failing
    assert "E         -   make_card → created crew.Card" in failing
    assert "make_card ran after the save of crew.Person and caused nothing." in failing
    assert "crew.Person fired" not in failing
    assert "auth.User is not observed: SIGNAL_LOG[\"MODELS\"] is ['crew.*']." in of(printed, "test_unobserved")
    missing = of(printed, "test_snapshot[missing]")
    assert "There is no snapshot 'missing' yet (__signal_log__/test_crew/missing.txt)." in missing
    assert "To accept: pytest --signal-log-update 'test_crew.py::test_snapshot[missing]'" in missing
    assert "+   make_card → created crew.Card" in of(printed, "test_snapshot[other]")
    assert "--signal-log-update test_crew.py::InUnittest::test_mixin_snapshot" in printed
    assert "1 operation fired, none expected." in of(printed, "InUnittest.test_mixin")
    assert "signal_log/testing" not in printed


@pytest.mark.one_database
def test_budgets(printed: str) -> None:
    """Operations and queries fail, with the tree and the statements; milliseconds only warn."""
    assert of(printed, "test_over") == (
        "Over budget: 2 operations, 1 allowed; 5 queries, 3 allowed.\n\nWhat fired:\n\n    created crew.Person\n"
        "      make_card → created crew.Card\n\nQueries that ran most often:\n\n"
        '    × 3    SELECT "crew_person"."id", "crew_person"."name" FROM "crew_person" '
        'WHERE "crew_person"."name" = %s\n'
        '    × 1    INSERT INTO "crew_person" ("name") VALUES (%s) RETURNING "crew_person"."id"\n'
        '    × 1    INSERT INTO "crew_card" ("person_id") VALUES (%s) RETURNING "crew_card"."id"\n'
    )
    assert "Over budget: 2 operations, 1 allowed; 3 queries, 2 allowed." in of(printed, "test_async_budget")
    slow = re.findall(r"SlowerThanBudget: test_crew.py::(\w+) took \d+ ms, 0 expected; the slowest receiver", printed)
    assert sorted(slow) == ["test_over", "test_within"]
    assert "takes operations=, queries= and milliseconds=, each a number from 0; not querys=." in printed
    assert "KeyError: 'its own'" in of(printed, "test_fails_itself")


@pytest.mark.one_database
def test_snapshots_are_accepted(project: Path, printed: str) -> None:
    """The option writes what is missing or differs, and says what it did, under xdist too; the tests pass."""
    before = {path.name for path in project.rglob("__signal_log__/*/*.txt")}
    assert before == {"kept.txt", "other.txt"}
    said = run(project, *DJANGO, "-p", "xdist.plugin", "-n", "1", "--signal-log-update", "-k", "snapshot")
    assert "4 passed" in said, said
    told = said.partition("signal_log snapshots")[2].splitlines()
    folder = "__signal_log__/test_crew"
    assert {"new": [], "changed": [], "unchanged": []}.keys() == {line.split()[0] for line in told[1:5]}
    assert sorted(told[1:5]) == [
        f"changed    {folder}/other.txt", f"new        {folder}/missing.txt", f"new        {folder}/mixin.txt",
        f"unchanged  {folder}/kept.txt",
    ]  # fmt: skip
    assert (project / folder / "other.txt").read_text() == KEPT


@pytest.mark.one_database
def test_without_django(tmp_path: Path) -> None:
    """Without settings, or without the app among them, a capture says so in one line, and other tests run."""
    (tmp_path / "test_bare.py").write_text(BARE)
    said = run(tmp_path)
    assert "1 passed" in said
    assert "Django is not set up, so nothing is recorded" in of(said, "test_no_settings")
    assert of(said, "test_not_installed").startswith("signal_log is not in INSTALLED_APPS of the settings")


@pytest.mark.one_database
def test_costs_nothing_where_it_is_not_used() -> None:
    """Importing the plugin imports neither Django nor any other module of the app."""
    command = [sys.executable, "-X", "importtime", "-c", "import pytest, signal_log.pytest_plugin"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    names = re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", done.stderr, re.MULTILINE)
    ours = {name for name in names if re.match(r"(signal_log|django|channels|asgiref)\b", name)}
    assert ours == {"signal_log", "signal_log.pytest_plugin"}
