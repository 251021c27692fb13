"""The judgement over Django's own tests: what the app breaks is named, and a stale list is an error."""

from __future__ import annotations

import pytest

from tests.django_suite.run import MODULES, Difference, compared, expected, report

PASSED, FAILED, SKIPPED = ({"outcome": outcome, "text": "why"} for outcome in ("passed", "failed", "skipped"))


@pytest.mark.parametrize(
    ("bare", "observed", "listed", "found"),
    [
        ({"a.T.x": PASSED}, {"a.T.x": PASSED}, [], Difference([], [], [], [])),
        ({"a.T.x": PASSED}, {"a.T.x": FAILED}, [], Difference([], ["a.T.x"], [], [])),
        ({"a.T.x": PASSED}, {"a.T.x": FAILED}, ["a.T.x"], Difference(["a.T.x"], [], [], [])),
        ({"a.T.x": PASSED}, {"a.T.x": PASSED}, ["a.T.x"], Difference([], [], ["a.T.x"], [])),
        ({}, {}, ["a.T.x"], Difference([], [], [], ["a.T.x"])),
        ({"a.T.x": FAILED}, {"a.T.x": FAILED}, [], Difference([], [], [], [])),
        ({"a.T.x": PASSED}, {"a.T.x": SKIPPED}, [], Difference([], ["a.T.x"], [], [])),
        ({"a.T.x": PASSED}, {}, [], Difference([], ["a.T.x"], [], [])),
        ({}, {"setUpClass (a.T)": FAILED}, [], Difference([], ["setUpClass (a.T)"], [], [])),
    ],
)
def test_what_the_app_changes_is_found(bare, observed, listed, found):
    """Failing, skipped or vanished with the app alone is a difference; so is a listed test that passes or is gone."""
    assert compared(bare, observed, dict.fromkeys(listed, "a reason")) == found


def test_an_unexpected_failure_is_reported_with_its_traceback():
    """Whoever reads the report can begin to look for the cause."""
    lines = list(report(Difference([], ["a.T.x"], [], []), {"a.T.x": FAILED}, {}))
    assert lines[0] == "FAILED ONLY WITH THE APP  a.T.x\nwhy"


def test_the_list_of_expected_failures_is_limited_to_what_runs():
    """Only the tests of the modules asked for, each with a reason and of a module that is run by default."""
    everything = expected("sqlite", MODULES)
    assert all(everything.values())
    assert set(expected("sqlite", ["signals"])) == {test for test in everything if test.startswith("signals.")}


def test_a_test_of_a_later_django_is_not_expected_of_an_earlier_one():
    """`since` keeps it off the list where there is no such test."""
    later = "bulk_create.tests.BulkCreateTransactionTests.test_no_unnecessary_transaction"
    assert later not in expected("sqlite", MODULES, (5, 2))
    assert later not in expected("sqlite", MODULES, (6, 0))
    assert later in expected("sqlite", MODULES, (6, 1))
    assert later in expected("sqlite", MODULES, (6, 10))
