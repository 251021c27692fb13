"""The verdict on Django's own suite names the tests that the app breaks and rejects an outdated list."""

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
def test_differences_caused_by_the_app_are_found(bare, observed, listed, found):
    """A test that fails, is skipped or vanishes only with the app is a difference; so is a wrongly listed one."""
    assert compared(bare, observed, dict.fromkeys(listed, "a reason")) == found


def test_an_unexpected_failure_is_reported_with_its_traceback():
    """The report contains the traceback of each unexpected failure."""
    lines = list(report(Difference([], ["a.T.x"], [], []), {"a.T.x": FAILED}, {}))
    assert lines[0] == "FAILED ONLY WITH THE APP  a.T.x\nwhy"


def test_the_list_of_expected_failures_is_limited_to_what_runs():
    """Only tests of the requested modules are expected to fail; each has a reason and is in a default module."""
    everything = expected("sqlite", MODULES)
    assert all(everything.values())
    assert set(expected("sqlite", ["signals"])) == {test for test in everything if test.startswith("signals.")}


def test_a_test_of_a_later_django_is_not_expected_of_an_earlier_one():
    """`since` leaves a test out of the list for Django versions that do not have it."""
    later = "bulk_create.tests.BulkCreateTransactionTests.test_no_unnecessary_transaction"
    assert later not in expected("sqlite", MODULES, (5, 2))
    assert later not in expected("sqlite", MODULES, (6, 0))
    assert later in expected("sqlite", MODULES, (6, 1))
    assert later in expected("sqlite", MODULES, (6, 10))
