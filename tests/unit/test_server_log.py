"""The reference installation's own log and mails show no secret (G7)."""

import io
import logging
from datetime import UTC, datetime
from smtplib import SMTPServerDisconnected

import daphne.cli
import django
import pytest
from django.test import override_settings
from django.urls import path

import asgi  # noqa: F401  which masks the access log
from observatory import logs
from observatory.logs import FewMails, MaskedAccessLog, MaskingFormatter
from signal_log.event import MASK

TOKEN = "cak5rj-5f2e8b1c9d7a6e3f4b2d1c0a"


@pytest.fixture
def lines():
    """Return what a logger of the installation writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(MaskingFormatter("%(name)s: %(message)s"))
    logger = logging.getLogger("daphne.access")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


def test_the_access_log(lines):
    """daphne prints no token of an address, by the name of the URL's parameter or by its looks."""
    assert daphne.cli.AccessLogGenerator is MaskedAccessLog
    log = MaskedAccessLog(None)
    details = {"client": "10.0.0.1:1", "method": "GET", "status": 200, "size": 7}
    log("http", "complete", {**details, "path": f"/nowhere/MQ/{TOKEN}/"})
    log("http", "complete", {**details, "path": "/events/17/?x=1&token=pl4nted"})
    log("websocket", "connected", {**details, "path": "/ws/events/"})
    log("http", "complete", {**details, "path": "/readyz"})
    log("http", "complete", {**details, "path": "/readyz", "status": 503})
    log.write_entry("-", datetime.now(UTC), "GET /static/signal_log/css/base.a1b2c3d4e5f6.css")
    assert lines.getvalue().splitlines() == [
        f'daphne.access: 10.0.0.1:1 "GET /nowhere/MQ/{MASK}/" 200 7',
        f'daphne.access: 10.0.0.1:1 "GET /events/17/?x=1&token={MASK}" 200 7',
        'daphne.access: 10.0.0.1:1 "WSCONNECT /ws/events/" - -',
        'daphne.access: 10.0.0.1:1 "GET /readyz" 503 7',
        'daphne.access: - "GET /static/signal_log/css/base.a1b2c3d4e5f6.css" - -',
    ]


def test_named_parameters(lines):
    """The token of a log-in address is masked whatever it looks like."""
    with override_settings(ROOT_URLCONF=(path("enter/<str:token>/", print),)):
        logging.getLogger("daphne.access").warning("Forbidden: %s", "/enter/plain/")
    assert lines.getvalue() == f"daphne.access: Forbidden: /enter/{MASK}/\n"


def test_tracebacks(lines):
    """An error's message shows no password of an address, and files are named in full."""
    try:
        raise OSError("cannot connect to redis://:pl4nted@layer:6379/0")
    except OSError:
        logging.getLogger("daphne.access").exception("Failed.")
    assert "pl4nted" not in lines.getvalue().replace('raise OSError("cannot connect to redis://:pl4nted@', "")
    assert __file__ in lines.getvalue()


def test_mails_are_few_and_tell_no_secret(mailoutbox, monkeypatch, settings):
    """One mail in ten minutes, which says how many errors there were besides, without settings and local variables."""
    settings.ADMINS = ["ada@example.org"] if django.VERSION >= (6, 0) else [("ada", "ada@example.org")]
    now = 1000.0
    monkeypatch.setattr(logs.time, "monotonic", lambda: now)
    handler = FewMails()
    for _ in range(5):
        handler.handle(logging.makeLogRecord({"levelname": "ERROR", "name": "x", "msg": f"at /confirm/{TOKEN}/"}))
    now += logs.MAIL_EVERY
    handler.handle(logging.makeLogRecord({"levelname": "ERROR", "name": "x", "msg": "again, password=pl4nted"}))
    first, second = [mail.body for mail in mailoutbox]
    assert f"at /confirm/{MASK}/" in first
    assert f"password={MASK}" in second
    assert "4 more errors since the last mail" in second
    assert all(mail.subject.endswith("ERROR x") for mail in mailoutbox)


def test_a_mail_server_that_is_down_is_not_reported(capsys, monkeypatch):
    """Logging's own report of an error would print the record as it was passed, secrets and all."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise SMTPServerDisconnected("Connection unexpectedly closed")

    monkeypatch.setattr(logs, "mail_admins", refuse)
    FewMails().handle(logging.makeLogRecord({"levelname": "ERROR", "name": "x", "msg": f"at /confirm/{TOKEN}/"}))
    assert capsys.readouterr() == ("", "")


def test_errors_are_not_mailed_unless_asked_for():
    """Django's own mails of failed requests, with headers and settings, are off, and so are ours."""
    assert logging.getLogger("django").handlers == []
