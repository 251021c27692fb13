"""The benchmark of verification in miniature: it fills, verifies and reports; no time is asserted."""

from __future__ import annotations

import pytest

from tests.benchmarks import verify, verify_runs

pytestmark = pytest.mark.django_db


def test_in_miniature(monkeypatch):
    """Each size with all its events, and a row of the table for each."""
    monkeypatch.setattr(verify_runs, "BATCH", 100)
    runs = []
    for events in (200, 600):
        assert verify_runs.fill(events) == events
        runs.append(verify_runs.verified())
    runs[-1]["hashing"] = verify_runs.hashing()
    assert [run["events"] for run in runs] == [200, 600]
    lines = list(verify.report({"sqlite": runs}))
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| SQLite, 200", "| SQLite, 600"]
