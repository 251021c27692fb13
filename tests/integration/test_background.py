"""What a server does beside its requests: from the first one on, on connections of its own, and unnoticed."""

from __future__ import annotations

import logging
import os
import threading
import time
from urllib.request import urlopen

import pytest
from django.core.signals import request_started
from django.db import DatabaseError, connection, connections
from django.test import Client

from signal_log import background, clock
from signal_log.background import Background, Job, do, give_up
from signal_log.models import SealCheckpoint, SealTree
from signal_log.seal.keys.key import new_signer, write_key
from signal_log.seal.note import ED25519
from signal_log.tail import served


@pytest.fixture
def begun():
    """How often something that waits for the first request has begun."""
    calls = []
    served.at_first(lambda: calls.append(1))
    yield calls
    background.watch()


@pytest.mark.django_db
@pytest.mark.one_database
def test_it_begins_with_the_first_request_or_websocket(begun):
    """Once; the test client is nobody, and a later request finds no receiver."""
    Client().get("/healthz")
    assert begun == []
    before = len(request_started.receivers)
    request_started.send(sender=type("Handler", (), {"__module__": "django.core.handlers.wsgi"}))
    served.serves()
    assert (begun, len(request_started.receivers)) == ([1], before - 1)


def test_it_never_begins_in_tests():
    """Also if a live server answers a real request."""
    background.begin()
    assert background._running is None


def test_a_forked_process_begins_by_itself(monkeypatch):
    """It has none of its parent's threads, and leaves their connections alone."""
    running = Background(list)
    monkeypatch.setattr(background, "_running", running)
    child = os.fork()
    if not child:
        os._exit(background._running is not None or background._inherited != [running] or served._begin is None)
    assert os.waitpid(child, 0)[1] == 0
    assert background._running is running


def test_it_stops_within_a_second():
    """Between two steps, with whatever is open closed."""
    done, closed = [], []
    job = Job("Working", lambda: 0.01, lambda: bool(done.append(1)), lambda: closed.append(1))
    running = Background(lambda: [job])
    running.start()
    while len(done) < 3:
        time.sleep(0.01)
    began = clock.monotonic()
    running.stop()
    assert clock.monotonic() - began < background.SECONDS_TO_STOP
    assert not running.thread.is_alive()
    assert closed == [1]


@pytest.mark.django_db(transaction=True)
def test_each_job_has_a_connection_of_its_own():
    """It is kept if the job wants that; a lost one is opened again the next time; the requests' stay as they are."""
    seen = []

    def work():
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
        seen.append(connections["default"].connection)
        return len(seen) != 2

    def both():
        job = Job("Working", lambda: 1.0, work)
        for number in range(4):
            do(job)
            if number == 2:
                job.connection.connection.close()
        do(job)
        give_up(job)

    connection.ensure_connection()
    mine = connection.connection
    thread = threading.Thread(target=both)
    thread.start()
    thread.join()
    assert connection.connection is mine
    assert mine not in seen
    assert seen[0] is seen[1] is not seen[2]
    assert len(seen) == 4


@pytest.mark.parametrize("error", [DatabaseError("it is down"), ValueError("nonsense")])
def test_what_fails_is_told_once(error, caplog):
    """And tried again; nothing is raised."""

    def fail():
        raise error

    job = Job("Working", lambda: 1.0, fail)
    with caplog.at_level(logging.WARNING):
        thread = threading.Thread(target=lambda: [do(job) for _ in range(3)])
        thread.start()
        thread.join()
    (told,) = (record.message for record in caplog.records)
    assert told.splitlines()[0] == f"Working failed, and is tried again. {job.failed}"
    assert str(error) in job.failed


def test_a_server_seals(start, tmp_path):
    """From its first request on, signed, and it takes note of what is recorded without it."""
    write_key(tmp_path / "log.key", new_signer("log.example/1", ED25519))
    server = start(SEAL_KEYS=str(tmp_path / "log.key"), SEAL_ORIGIN="log.example")
    time.sleep(background.FIRST_AFTER)
    assert not SealTree.objects.exists()
    urlopen(f"{server.url}/healthz").close()  # noqa: S310
    deadline = clock.monotonic() + 20
    while not SealTree.objects.exists():
        assert clock.monotonic() < deadline, server.log_text()
        time.sleep(0.1)
    assert not SealCheckpoint.objects.filter(note="").exists()
