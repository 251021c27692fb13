"""Of several sealers one is elected, and one that was overtaken signs nothing."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from signal_log.models import SealCheckpoint, SealTree
from signal_log.seal import elected, grow, sealer
from signal_log.seal.sealer import Sealer
from signal_log.seal.state import seal_state
from signal_log.store.own_connection import dedicated_connection
from tests.integration.sealer.log import events

pytestmark = pytest.mark.django_db


def test_of_two_sealers_one_is_overtaken(key, monkeypatch):
    """It drops what it has computed; the next round goes on from what the other did."""
    events(3)
    real = grow._tiles

    def slow(tree, leaves):
        monkeypatch.setattr(grow, "_tiles", real)
        assert Sealer().round().outcome == "sealed"
        return real(tree, leaves)

    assert Sealer().round().outcome == "sealed"
    events(3)
    monkeypatch.setattr(grow, "_tiles", slow)
    assert Sealer().round().outcome == "overtaken"
    assert (Sealer().round().outcome, SealTree.objects.get().size, SealCheckpoint.objects.count()) == ("sealed", 6, 2)


def test_a_key_that_another_sealer_has_used_meanwhile(key, monkeypatch):
    """What it then refuses is no reason to tell anybody anything."""
    real = sealer.must_continue

    def slow(*arguments):
        monkeypatch.setattr(sealer, "must_continue", real)
        events(1)
        assert Sealer().round().outcome == "sealed"
        return real(*arguments)

    events(3)
    assert Sealer().round().outcome == "sealed"
    events(3)
    monkeypatch.setattr(sealer, "must_continue", slow)
    assert Sealer().round().outcome == "overtaken"
    assert (seal_state().problems, seal_state().signed_size) == ((), 7)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_one_sealer_is_elected():
    """Another is idle until the first resigns, or its transaction ends: behind a pooler a session would outlive it."""

    def another() -> str:
        connection.close()
        dedicated_connection("default", "another sealer")
        return Sealer().round().outcome

    with ThreadPoolExecutor(1) as thread:
        first = Sealer()
        assert first.round().outcome == first.round().outcome == "sealed"
        assert thread.submit(another).result() == "elsewhere"
        first.close()
        first.close()
        assert thread.submit(another).result() == "sealed"
        assert first.round().outcome == "elsewhere"
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = %s AND state = 'idle in transaction'",
                [elected.APPLICATION_NAME],
            )
            assert cursor.fetchall() == [(True,)]
        assert first.round().outcome == "sealed"
        assert thread.submit(another).result() == "elsewhere"
        first.close()
        thread.submit(lambda: connection.close()).result()  # noqa: PLW0108  of that thread


@pytest.mark.one_database
def test_one_thread_of_one_process_is_elected_on_sqlite(tmp_path, monkeypatch, caplog):
    """By a file beside the database, until it gives it back or ends, however that is; without one it goes on, told."""
    database = tmp_path / "log.sqlite3"
    database.touch(mode=0o640)
    assert elected.stand()  # in memory there is nobody else
    monkeypatch.setattr(elected, "file_of_log", lambda: str(database))
    takes_and_forks = (
        "import os, sys; from signal_log.seal.beside_file import take; path = sys.argv[1]; print(take(path))\n"
        "if not os.fork(): os._exit(int(take(path)))\n"
        "print(os.wait()[1], flush=True); input()"
    )
    command = [sys.executable, "-c", takes_and_forks, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert [other.stdout.readline() for _ in range(2)] == ["True\n", "0\n"]
        assert Sealer().round().outcome == "elsewhere"
        other.kill()
    sealer = Sealer()
    assert sealer.round().outcome == sealer.round().outcome == "sealed"
    assert Path(f"{database}-sealer").stat().st_mode & 0o777 == 0o640
    with ThreadPoolExecutor(1) as thread:
        assert not thread.submit(elected.stand).result()
        sealer.close()
        assert thread.submit(elected.stand).result()
        assert not elected.stand()
    assert elected.stand()  # that thread is over
    sealer.close()
    monkeypatch.setattr(elected, "file_of_log", lambda: str(tmp_path / "no" / "log.sqlite3"))
    assert elected.stand()
    assert elected.stand()
    assert [record.message for record in caplog.records if "cannot be locked (No such file" in record.message] != []
    assert len(caplog.records) == 1
