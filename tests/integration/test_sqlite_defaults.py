"""On SQLite with Django's default settings the app brings no "database is locked" of its own (G4)."""

import json
import subprocess
import sys

import pytest

from tests.integration.sqlite_defaults import ROUNDS, SAVES, THREADS

pytestmark = pytest.mark.one_database
NOISE = 1
"""So many more refusals of 160 may come from how the threads happened to be scheduled."""


def test_threads_that_save_are_not_refused_more_often(tmp_path):
    """Four threads save new and known rows, in autocommit and in blocks, without and with the app."""
    command = [sys.executable, "-m", "tests.integration.sqlite_defaults", str(tmp_path / "defaults.sqlite3")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    saves = 2 * ROUNDS * THREADS * SAVES * 2
    refused = 0
    for name in ("autocommit", "block"):
        counts = {app: len(errors) for app, errors in report[name].items()}
        refused += counts["with"]
        assert counts["with"] <= counts["without"] + NOISE, (name, counts, set(report[name]["with"]))
    assert report["recorded"] == saves - refused
