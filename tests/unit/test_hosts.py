"""The verdict on other people's tests names what the app changes, and no suite passes that did not really run."""

from __future__ import annotations

import hashlib
import sys
import tarfile
import tomllib

import pytest

from tests.django_suite.run import EXPECTED as DJANGO_EXPECTED
from tests.django_suite.run import LOCK, MODULES, of_modules
from tests.hosts import running, source
from tests.hosts.observed_host.change import changed
from tests.hosts.observed_host.job import Job, postgres
from tests.hosts.run import EXPECTED, Row, table
from tests.hosts.running import Run, Unusable
from tests.hosts.source import Source, locked
from tests.hosts.suite import suites
from tests.hosts.verdict import Difference, compared, expected, report

PASSED, FAILED, SKIPPED = ({"outcome": outcome, "text": "why"} for outcome in ("passed", "failed", "skipped"))


@pytest.mark.parametrize(
    ("bare", "observed", "listed", "found"),
    [
        ({"a.T.x": PASSED}, {"a.T.x": PASSED}, [], Difference([], [], [], [], [])),
        ({"a.T.x": PASSED}, {"a.T.x": FAILED}, [], Difference([], ["a.T.x"], [], [], [])),
        ({"a.T.x": PASSED}, {"a.T.x": FAILED}, ["a.T.x"], Difference(["a.T.x"], [], [], [], [])),
        ({"a.T.x": FAILED}, {"a.T.x": PASSED}, [], Difference([], [], ["a.T.x"], [], [])),
        ({"a.T.x": PASSED}, {"a.T.x": PASSED}, ["a.T.x"], Difference([], [], [], ["a.T.x"], [])),
        ({}, {}, ["a.T.x"], Difference([], [], [], [], ["a.T.x"])),
        ({"a.T.x": FAILED}, {"a.T.x": FAILED}, [], Difference([], [], [], [], [])),
        ({"a.T.x": PASSED}, {"a.T.x": SKIPPED}, [], Difference([], ["a.T.x"], [], [], [])),
        ({"a.T.x": PASSED}, {}, [], Difference([], ["a.T.x"], [], [], [])),
        ({}, {"setUpClass (a.T)": FAILED}, [], Difference([], ["setUpClass (a.T)"], [], [], [])),
    ],
)
def test_differences_caused_by_the_app_are_found(bare, observed, listed, found):
    """A test that fails, passes, is skipped or vanishes only with the app is a difference; so is a wrong list."""
    assert compared(bare, observed, dict.fromkeys(listed, "a reason")) == found
    assert found.as_listed == (not any(found[1:]))


def test_unexpected_differences_are_reported_by_cause():
    """Tests that end with the same words stand together, with one traceback."""
    ends = {"a": "at a\nError: x", "b": "at b\nError: x", "c": "at c\nError: y"}
    observed = {name: {"outcome": "failed", "text": text} for name, text in ends.items()}
    bare = {"d": {"outcome": "failed", "text": "once"}}
    lines = list(report(Difference([], ["a", "b", "c"], ["d"], [], []), bare, observed, {}))
    assert lines == [
        "FAILED ONLY WITHOUT THE APP  d\nonce",
        "FAILED ONLY WITH THE APP  a, b\nat a\nError: x",
        "FAILED ONLY WITH THE APP  c\nat c\nError: y",
    ]


def test_the_table_says_how_many_tests_end_otherwise():
    """Each row counts tests, failures of both runs, and new, listed and fixed tests."""
    bare, observed = Run({"a": PASSED, "b": FAILED}, 0, 1.2), Run({"a": FAILED, "b": FAILED}, 5, 3.4)
    row = Row(suites()["taggit"], "sqlite", bare, observed, {}, compared(bare.tests, observed.tests, {}))
    assert list(table([row]))[-1].split() == ["taggit", "sqlite", "2", "1", "2", "1", "0", "0", "1", "3"]


def test_the_list_of_expected_failures_is_limited_to_what_runs():
    """Only tests of the requested modules, suite and database are expected; each has a reason."""
    everything = expected(DJANGO_EXPECTED, "django", "sqlite")
    assert everything
    assert all(everything.values())
    assert set(of_modules(everything, ["signals"])) == {test for test in everything if test.startswith("signals.")}
    assert of_modules(everything, MODULES) == everything


def test_a_listed_test_belongs_to_its_suite_database_and_version(tmp_path):
    """`suite`, `databases` and `since` leave a test out where it does not apply."""
    listed = tmp_path / "expected.toml"
    listed.write_text(
        '[[group]]\nsuite = "one"\ndatabases = ["postgres"]\nsince = "6.1"\nreason = "why"\ntests = ["a"]\n'
    )
    assert expected(listed, "one", "postgres", (6, 10)) == {"a": "why"}
    assert expected(listed, "one", "postgres", (6, 0)) == {}
    assert expected(listed, "one", "sqlite", (6, 1)) == {}
    assert expected(listed, "other", "postgres", (6, 1)) == {}


def test_what_is_listed_names_a_suite():
    """A group without a suite, or of a suite that does not exist, would be looked for everywhere or never."""
    groups = tomllib.loads(EXPECTED.read_text()).get("group", [])
    assert {group["suite"] for group in groups} <= set(suites())
    assert all(group["reason"] for group in groups)


def started(tmp_path, monkeypatch, script, observed=True):
    """Run a script in place of a suite."""
    monkeypatch.setattr(running, "VAR", tmp_path)
    job = Job(report=str(tmp_path / "report.json"), observed=observed)
    program = f"import os, json, sys; job = json.loads(os.environ['OBSERVED_HOST']); {script}"
    return running.run("a suite", [sys.executable, "-c", program], tmp_path, {}, job)


def leaving(tests, events):
    """Return a script that leaves this report."""
    return f"open(job['report'], 'w').write(json.dumps({{'tests': {tests!r}, 'events': {events}}}))"


@pytest.mark.parametrize(
    ("script", "observed", "why"),
    [
        ("sys.exit(2)", True, "ended with 2"),
        ("print('no such module')", True, "no such module"),
        (leaving({}, 5), True, "ran no test"),
        (leaving({"a": SKIPPED, "b": FAILED}, 5), True, "ran no test"),
        (leaving({"a": PASSED}, 0), True, "recorded 0 events"),
        (leaving({"a": PASSED}, 5), False, "recorded 5 events"),
        (f"{leaving({'a': PASSED}, 5)}; sys.exit(2)", True, "ended with 2"),
    ],
)
def test_a_run_that_says_nothing_is_refused(tmp_path, monkeypatch, script, observed, why):
    """A suite that breaks off, runs no test, or records nothing is no comparison."""
    with pytest.raises(Unusable, match=why):
        started(tmp_path, monkeypatch, script, observed)


def test_a_run_is_read_also_if_tests_failed(tmp_path, monkeypatch):
    """Exit code 1 says that tests failed, which is what is compared."""
    run = started(tmp_path, monkeypatch, f"{leaving({'a': PASSED, 'b': FAILED}, 5)}; sys.exit(1)")
    assert (run.count("failed"), run.events) == (1, 5)


def test_an_archive_is_used_only_if_it_is_the_pinned_one(tmp_path, monkeypatch):
    """A cached archive with other bytes is refused by name."""
    monkeypatch.setattr(source, "VAR", tmp_path)
    folder = tmp_path / "archives" / "shop-1.0"
    (tmp_path / "shop-1.0").mkdir(parents=True)
    (tmp_path / "shop-1.0" / "tests.py").write_text("")
    folder.mkdir(parents=True)
    with tarfile.open(folder / "shop-1.0.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "shop-1.0", "shop-1.0")
    digest = hashlib.sha256((folder / "shop-1.0.tar.gz").read_bytes()).hexdigest()
    place = tmp_path / "unpacked"
    assert (Source("shop", "1.0", ("0" * 64, digest)).unpack(place) / "tests.py").exists()
    with pytest.raises(SystemExit, match="is not the archive that was pinned"):
        Source("shop", "1.0", ("0" * 64,)).archive()


def test_every_suite_has_a_pinned_source():
    """Versions and hashes come from the lock, or stand in the list; Django's too."""
    for suite in suites().values():
        assert all(len(one) == 64 for one in suite.source().hashes)
        assert locked(suite.project).version
    assert locked("django", LOCK, "6.1.3").hashes != locked("django", LOCK, "5.2.19").hashes
    with pytest.raises(SystemExit, match=r"does not name django 1\.0"):
        locked("django", LOCK, "1.0")


@pytest.mark.parametrize("kind", [list, tuple])
def test_the_app_is_added_to_the_settings_of_one_run(kind):
    """Both runs get the same database; lists keep their type, for some suites add to theirs."""
    own = {
        "INSTALLED_APPS": kind(["a"]),
        "DATABASES": {"default": {"ENGINE": "sqlite3", "TEST": {"NAME": "x", "y": 1}}},
    }
    url = "postgres://me:secret@127.0.0.1:5/x"
    bare, observed = (changed(own, Job("", observed, postgres=url, prefix="p", apps=["b"])) for observed in (0, 1))
    assert bare["INSTALLED_APPS"] == kind(["a", "b"])
    assert observed["INSTALLED_APPS"] == kind(["a", "b", "signal_log"])
    assert observed["SIGNAL_LOG"] == {"MODELS": ["*"]}
    assert "SIGNAL_LOG" not in bare
    assert "MIDDLEWARE" not in bare
    assert bare["DATABASES"] == observed["DATABASES"] == {"default": postgres(url, "p_default", {"TEST": {"y": 1}})}
    assert bare["DATABASES"]["default"]["PORT"] == 5
    assert own["INSTALLED_APPS"] == kind(["a"])
