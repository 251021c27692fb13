"""A committed change has its events and a committed event has its change, at any moment of `kill -9` (G2).

For a long run: `TORTURE_KILLS=200 pytest tests/torture -o faulthandler_timeout=0`. `TORTURE_SEED` repeats a run, as far
as timing allows.
"""

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.servers.postgres import Postgres
from tests.torture.judge import contradictions, logged_events, rows

KILLS = int(os.environ.get("TORTURE_KILLS", "40"))
SEED = int(os.environ.get("TORTURE_SEED", random.randrange(1_000_000)))
ROOT = Path(__file__).resolve().parents[2]


def torture(url: str) -> None:
    """Have this many writers killed on this database."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture.writers", str(KILLS), str(SEED)],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        timeout=60 + KILLS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    assert "Traceback" not in done.stderr, done.stderr[-5000:]


def judge(query):
    """Assert that the log tells the whole truth about the rows, and holds enough to be meaningful."""
    events = logged_events(query)
    assert contradictions(events, rows(query)) == [], f"TORTURE_SEED={SEED}"
    outcomes = Counter(event.outcome for event in events)
    assert outcomes["committed"] > KILLS // 2, outcomes
    assert outcomes["rolled_back"] > 0, outcomes
    assert outcomes["failed"] == 0, outcomes


def test_sqlite(tmp_path):
    """After kills on SQLite, every row is what its newest committed event says, and the changes form a chain.

    The test has been seen to fail with events written after the COMMIT (rows ahead of their history), and, with 200
    kills, when each row of a record outside a transaction was committed by itself (half an operation).
    """
    file = tmp_path / "log.sqlite3"
    torture(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection:
        judge(lambda sql: connection.execute(sql).fetchall())


def test_postgresql():
    """The same holds on a PostgreSQL of its own, once it has noticed that its clients are dead."""
    with Postgres() as server:
        url = server.create_database("torture")
        torture(url)
        with psycopg.connect(url) as connection:
            wait_for_quiet(connection)
            judge(lambda sql: connection.execute(sql).fetchall())


def wait_for_quiet(connection: psycopg.Connection) -> None:
    """Wait until the connections of the killed writers, and their transactions, are gone."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + 20
    while connection.execute(others).fetchone()[0]:
        connection.rollback()
        if time.monotonic() > deadline:
            pytest.fail("The server still holds connections of killed writers.")
        time.sleep(0.05)
    connection.rollback()
