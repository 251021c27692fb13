"""The benchmark of a large log runs in miniature and reports every query; no time is asserted."""

from __future__ import annotations

import pytest

from tests.benchmarks import large_log
from tests.benchmarks.process import measured


@pytest.mark.postgresql
def test_every_query_is_run_and_reported() -> None:
    """A thousand events are made the way the ten million are, and every query is run and reported."""
    result = measured("tests.benchmarks.large_log_queries", "postgres", settings="observatory.settings", events=1_000)
    lines = list(large_log.report(result))
    assert len(lines) == 2 + len(result["questions"]) + 2
    assert all(set(times) <= set(large_log.WHAT) for times in result["questions"].values())
    assert set(result["questions"]["no filter"]) == set(large_log.WHAT)
    assert all(number > 0 for number in result["pace"].values())
