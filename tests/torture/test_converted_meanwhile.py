"""The log gets partitions while processes write to it and are killed: nothing is lost, doubled or untrue (G2)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.servers.postgres import Postgres
from tests.torture.test_killed_writers import ROOT, SEED, judge, wait_for_quiet

pytestmark = pytest.mark.long
LOG = "signal_log_signalevent"
EVENTS = 150
"""So many are awaited between two steps."""
SECONDS = 120
FOR_EVER = 1_000_000
"""So many writers would be killed, if the test did not end before."""


@contextmanager
def writing(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Processes that write, of which one after the other is killed; in the end, all of them."""
    words = [sys.executable, "-m", "tests.torture.writers", str(FOR_EVER), str(SEED)]
    with subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
            assert process.poll() is None, process.communicate()[1][-5000:]
        finally:
            process.kill()
            told = process.communicate()[1]
    assert "Traceback" not in told, told[-5000:]


def wait_for_events(connection: psycopg.Connection, writers: subprocess.Popen[str]) -> None:
    """Wait until the writers have committed some more."""
    counted = f"SELECT count(*) FROM {LOG}"  # noqa: S608
    deadline, enough = time.monotonic() + SECONDS, 0
    while writers.poll() is None and time.monotonic() < deadline:
        (there,) = connection.execute(f"SELECT to_regclass('{LOG}') IS NOT NULL").fetchone()
        number = connection.execute(counted).fetchone()[0] if there else 0
        enough = enough or number + EVENTS
        if there and number >= enough:
            return
        time.sleep(0.05)
    raise AssertionError("The writers do not go on.")


def test_a_log_is_converted_while_processes_write_and_are_killed():
    """Converted, run over its last partition, and put right again; then the log tells the truth about every row."""
    with Postgres() as server:
        url = server.create_database("torture")
        environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}

        def partition(*words: str) -> str:
            command = [sys.executable, "-m", "django", "signal_partition", *words]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            return done.stdout

        with writing(environment) as writers, psycopg.connect(url, autocommit=True) as connection:
            wait_for_events(connection, writers)
            assert "The log has 5 partitions now." in partition("convert", "--rows", "1000")
            wait_for_events(connection, writers)
            past = "SELECT setval(%s, (SELECT max(substring(relname FROM '_p([0-9]+)$')::bigint) + 1005 FROM pg_class))"
            connection.execute(past, [f"{LOG}_id_seq"])
            wait_for_events(connection, writers)
            assert connection.execute(f"SELECT count(*) > 0 FROM {LOG}_default").fetchone() == (True,)  # noqa: S608
            assert "The default partition had events" in partition("ahead")
            wait_for_events(connection, writers)
        with psycopg.connect(url) as connection:
            wait_for_quiet(connection)
            judge(lambda sql: connection.execute(sql).fetchall())
            assert connection.execute(f"SELECT count(*) FROM {LOG}_default").fetchone() == (0,)  # noqa: S608
