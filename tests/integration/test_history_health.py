"""The answers to monitoring, and the page that people see while the database is down."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client, RequestFactory

import signal_log.health
from observatory import errors
from signal_log.health import views
from tests.factories import make_event


@pytest.fixture
def database_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the database down for the whole test."""
    take_down(monkeypatch)


def take_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every cursor fail, as when the server is gone."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise OperationalError("could not connect to server: secret-host.internal")

    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", refuse)
    monkeypatch.setattr(BaseDatabaseWrapper, "chunked_cursor", refuse)
    # The toolbar's SQL panel leaves connections with a cursor() of their own, which calls this.
    monkeypatch.setattr(BaseDatabaseWrapper, "_cursor", refuse)


def logged_in() -> Client:
    """Return a superuser's client that returns errors instead of raising them."""
    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


@pytest.mark.django_db
def test_a_page_whose_database_is_down_says_so_and_recovers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is a 503 with Retry-After and a refresh; it does not name the host, and the process logs a line."""
    client = logged_in()
    event = make_event()
    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR):
        take_down(broken)
        for address in ("/events/", f"/events/{event.pk}/", "/", "/admin/", "/accounts/profile/"):
            response = client.get(address)
            page = response.content.decode()
            assert response.status_code == 503, address
            assert response["Retry-After"] == "5"
            assert '<meta http-equiv="refresh" content="5">' in page
            assert "The database is not responding" in page
            assert "secret-host" not in page
        posted = client.post("/accounts/profile/", {"name": "x"}).content.decode()
        assert "http-equiv" not in posted
        assert "check before you submit it again" in posted
    assert "The database is unreachable" in caplog.text
    assert client.get("/events/").status_code == 200


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (OperationalError("server closed the connection"), True),
        (InterfaceError("connection already closed"), True),
        (OperationalError("no such table: x"), False),
        (OperationalError("Expression tree is too large (maximum depth 1000)"), False),
        (ProgrammingError("relation does not exist"), False),
        (ValueError("x"), False),
        (None, False),
    ],
)
def test_only_an_outage_is_called_one(error: Exception | None, outage: bool) -> None:
    """A missing table or a bug of ours is not an outage, so nobody is asked to wait."""
    assert errors.is_outage(error) is outage


def test_an_error_caused_by_an_outage_is_one() -> None:
    """The cause counts too, as when events could not be written because the server went away."""
    wrapped = DatabaseError("signal_log could not write")
    wrapped.__cause__ = OperationalError("gone")
    assert errors.is_outage(wrapped)


def test_other_errors_get_the_page_for_mistakes() -> None:
    """The 500 page says whose fault it is and what to do, without details of the error."""
    try:
        raise ValueError("detail-of-the-error")
    except ValueError:
        response = errors.server_error(RequestFactory().get("/"))
    page = response.content.decode()
    assert response.status_code == 500
    assert "Something went wrong" in page
    assert "detail-of-the-error" not in page


def test_an_expired_form_says_what_to_do() -> None:
    """A POST without this session's token is explained on a page."""
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"username": "x"})
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


def test_healthz_needs_nothing(client: Client) -> None:
    """It needs neither a database (this test has none) nor an account."""
    assert client.get("/healthz").json() == {"status": "ok"}
    for address in ("/healthz", "/readyz"):
        assert client.post(address).status_code == 405
        assert "only for reading" in client.post(address).content.decode()


@pytest.mark.django_db(transaction=True)
def test_readyz_says_what_is_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead channel layer is told, without its host's name; it keeps nobody from being answered."""
    assert client.get("/readyz").json() == {
        "status": "ready",
        "database": "ok",
        "channel_layer": "ok",
        "seal": "nothing",
    }

    class Dead:
        async def group_send(self, *_: Any) -> None:
            raise OSError("secret-host refused")

    monkeypatch.setattr(views, "get_channel_layer", Dead)
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "database": "ok",
        "channel_layer": "does not answer",
        "seal": "nothing",
    }


def test_readyz_without_a_database(client: Client, database_down: None) -> None:
    """It answers 503, and the connection's error does not leak."""
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["database"] == "does not answer"


def test_readyz_does_not_wait_for_a_silent_layer(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers after its timeout."""

    class Silent:
        async def group_send(self, *_: Any) -> None:
            await asyncio.sleep(60)

    monkeypatch.setattr(views, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(views, "get_channel_layer", Silent)
    assert client.get("/readyz").json()["channel_layer"] == "does not answer"


@pytest.mark.django_db(transaction=True)
def test_a_project_without_a_channel_layer_is_ready(client: Client, settings: Any) -> None:
    """Its live pages ask the table once a second, so it can answer people."""
    settings.CHANNEL_LAYERS = {}
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["channel_layer"] == "not configured"


@pytest.mark.django_db(transaction=True)
def test_readyz_waits_for_migrations(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version is not ready before its tables exist."""
    monkeypatch.setattr(views, "_migrated", False)
    monkeypatch.setattr(views.MigrationExecutor, "migration_plan", lambda *_: [1, 2])
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["database"] == "2 migrations are not applied"


@pytest.mark.django_db
def test_metrics_are_numbers_about_nobody(admin_client: Client) -> None:
    """They are in the text format of Prometheus, with the newest event's id and no text of any event."""
    event = make_event(object_repr="somebody", actor_repr="somebody", sender="shop.Somebody")
    response = admin_client.get("/metrics")
    page = response.content.decode()
    assert response["Content-Type"].startswith("text/plain")
    found = re.search(r"^signal_log_newest_event_id (\S+)$", page, re.MULTILINE)
    assert found
    assert float(found[1]) == event.pk
    assert "signal_log_sockets_open 0.0" in page
    assert "somebody" not in page.lower()


@pytest.fixture
def monitored(settings: Any) -> dict[str, str]:
    """The header of a monitoring system that knows the token."""
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "METRICS_TOKEN": "correct-horse-battery"}
    return {"Authorization": "bearer correct-horse-battery"}


@pytest.mark.django_db
def test_metrics_are_for_the_token_and_for_people_who_may_see_events(
    client: Client, admin_client: Client, monitored: dict[str, str], settings: Any
) -> None:
    """Nobody, a wrong token and a wrong scheme get 401, an account without the permission 403."""
    wrong = ["Bearer correct-horse-batterz", "Bearer ", "Bearer", "Basic correct-horse-battery", "Bearer é"]
    for headers in ({}, *({"Authorization": value} for value in wrong)):
        answer = client.get("/metrics", headers=headers)
        assert answer.status_code == 401, headers
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert "signal_log_" not in answer.content.decode()
    for asked in (client.get("/metrics", headers=monitored), admin_client.get("/metrics")):
        assert asked.status_code == 200
        assert "signal_log_sockets_open" in asked.content.decode()
        assert "no-store" in asked["Cache-Control"]
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "METRICS_TOKEN": None}
    for value in (monitored["Authorization"], "Bearer ", "Bearer None"):
        assert client.get("/metrics", headers={"Authorization": value}).status_code == 401
    client.force_login(get_user_model().objects.create_user("clara"))
    assert client.get("/metrics").status_code == 403


def test_metrics_without_the_extra_say_what_to_install(
    client: Client, monitored: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """501 with the line to paste, to those who may read them; the other two addresses need no extra."""
    loaded = [name for name in sys.modules if name.partition(".")[0] == "prometheus_client"]
    for name in ("prometheus_client", *loaded):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "signal_log.health.collector", raising=False)
    monkeypatch.delattr(signal_log.health, "collector", raising=False)
    answer = client.get("/metrics", headers=monitored)
    assert answer.status_code == 501
    assert "pip install 'signal-log[metrics]'" in answer.content.decode()
    assert client.get("/metrics").status_code == 401
    assert client.get("/healthz").status_code == 200


def test_metrics_without_a_database_are_honest(client: Client, monitored: dict[str, str], database_down: None) -> None:
    """The log is reported as unreadable, and its newest id is left out instead of being zero; the token needs none."""
    page = client.get("/metrics", headers=monitored).content.decode()
    assert "signal_log_database_up 0.0" in page
    assert "newest_event_id" not in page


def test_a_browser_that_asks_for_an_icon_is_led_to_it(client: Client) -> None:
    """Pages that name no icon, the admin's among them, make it ask for this address, which redirects."""
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302
    assert finders.find(answer["Location"].removeprefix(settings.STATIC_URL))
