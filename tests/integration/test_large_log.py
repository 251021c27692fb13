"""The benchmark of a large log runs in miniature and reports every query; no time is asserted."""

from __future__ import annotations

import pytest

from tests.benchmarks import large_log, reading
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


@pytest.mark.one_database
def test_every_page_that_is_read_is_reported() -> None:
    """The other benchmark of a large log fills SQLite in the same way, and asks for every page."""
    options = {"settings": "observatory.settings", "events": 500, "times": 1}
    result = measured("tests.benchmarks.reading_queries", "sqlite", **options)
    assert len(list(reading.report({"SQLite": result}))) == 2 + len(result["times"])
    assert result["events"] == 500
    assert all(p95 > 0 for pages in result["times"].values() for p95, _, _ in pages)
