"""Alerts tell whom they should, keep nobody waiting, and what they write fires nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import django
import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import override_settings

from signal_log import clock
from signal_log.audit.alerts import conditions, sending
from signal_log.audit.alerts.rule import SEALING_STOPPED
from tests.integration.alerts.process import STAFF, Process, fired, make_staff

pytestmark = pytest.mark.django_db(transaction=True)


class SavingBackend:
    """A mail backend that keeps its mails as rows."""

    def __init__(self, **_: Any) -> None: ...

    def send_messages(self, messages: list[Any]) -> int:
        User.objects.create(username=f"mail-{User.objects.count()}")
        return len(messages)


def test_what_an_alert_writes_itself_fires_nothing(
    start: Callable[..., Process], later: Callable[[float], None]
) -> None:
    """Neither its own event nor rows that a mail backend saves while it sends."""
    anything = {"name": "any", "query": "outcome=committed", "count": 1, "seconds": 1, "to": "a@b.org"}
    process = start({**anything, "query": "sender=!nothing.At&outcome=committed"})
    process.step()
    assert fired() == []
    backend = "tests.integration.alerts.test_sending.SavingBackend"
    mailers = {"default": {"BACKEND": backend}}
    with override_settings(**({"MAILERS": mailers} if django.VERSION >= (6, 1) else {"EMAIL_BACKEND": backend})):
        User.objects.create(username="ada")
        process.step()
        for _ in range(3):
            later(2)
            process.step()
    assert User.objects.filter(username__startswith="mail-").count() == 1
    assert len(fired()) == 1


class Hook(BaseHTTPRequestHandler):
    """A webhook that keeps what it gets, and redirects where it is told to."""

    got: list[tuple[str, dict[str, Any]]] = []  # noqa: RUF012
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, json.loads(body)))
        self.send_response(self.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.got, Hook.status = [], 200
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hooks/topsecret?sig=hidden"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_gets_a_small_json(
    start: Callable[..., Process], hook: str, caplog: pytest.LogCaptureFixture, later: Callable[[float], None]
) -> None:
    """With ids and an address, no values; a redirect is not followed; its address is told nowhere."""
    process = start({**STAFF, "to": [hook, "http://127.0.0.1:1/dead", "root@example.org"]})
    make_staff("ada")
    process.step()
    ((path, told),) = Hook.got
    assert path == "/hooks/topsecret?sig=hidden"
    assert set(told) == {"alert", "query", "count", "seconds", "at", "first_event", "last_event", "see"}
    assert len(mail.outbox) == 1
    assert "could not be sent to http://127.0.0.1:1/…" in caplog.text
    Hook.status = 302
    later(61)
    make_staff("grace")
    process.step()
    assert [path for path, _ in Hook.got] == ["/hooks/topsecret?sig=hidden"] * 2
    assert "never followed" in caplog.text
    assert "topsecret" not in caplog.text
    assert "topsecret" not in json.dumps(fired())


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Iterator[sending._Turns]:
    """What this process sends, apart from other tests."""
    turns = sending._Turns()
    monkeypatch.setattr(sending, "_turns", turns)
    yield turns
    turns.stop(5)


def test_an_address_that_is_slow_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, turns: sending._Turns
) -> None:
    """Neither the watcher, nor another address, nor the end of the process; what is dropped is logged."""
    goes_on, begun_slow, arrived, threads = threading.Event(), threading.Event(), threading.Event(), []

    def send_mail(*args: Any) -> None:
        threads.append(threading.current_thread())
        if args[3] == ["slow@b.org"]:
            begun_slow.set()
            goes_on.wait(60)
        else:
            arrived.set()

    monkeypatch.setattr(sending, "send_mail", send_mail)
    monkeypatch.setattr(sending, "MOST_WAITING", 2)
    due = conditions.Due(1)
    slow = conditions.Rule("slow", SEALING_STOPPED, 1, 60, ("slow@b.org", "fast@b.org"))
    try:
        sending.send_later(slow, due, clock.now())
        assert arrived.wait(60)
        assert begun_slow.wait(60)
        for _ in range(3):
            sending.send_later(conditions.Rule("more", SEALING_STOPPED, 1, 60, ("slow@b.org",)), due, clock.now())
        assert "'more' is not sent to slow@b.org: 2 are waiting to be." in caplog.text
        assert all(thread.daemon for thread in threads)  # else the interpreter's end would wait for them
        begun = clock.monotonic()
        turns.stop(0.05)
        assert clock.monotonic() - begun < 1
        assert "Not sent to slow@b.org, because the server ends: 'slow', 'more', 'more'." in caplog.text
        sending.send_later(slow, due, clock.now())
        assert "'slow' is not sent to fast@b.org: the server ends." in caplog.text
    finally:
        goes_on.set()


def test_a_process_that_ends_makes_no_more_attempts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, turns: sending._Turns
) -> None:
    """The pause before the next one is cut short, and the alert is dropped; a thread that has sent all ends."""
    tried = threading.Event()

    def send_mail(*_: Any) -> None:
        tried.set()
        raise OSError("refused")

    monkeypatch.setattr(sending, "send_mail", send_mail)
    monkeypatch.setattr(sending, "PAUSES", (60,))
    sending.send_later(conditions.Rule("gone", SEALING_STOPPED, 1, 60, ("a@b.org",)), conditions.Due(1), clock.now())
    assert tried.wait(60)
    turns.stop(30)
    assert "Not sent to a@b.org, because the server ends: 'gone'." in caplog.text
    assert turns._of["a@b.org"].thread is None
