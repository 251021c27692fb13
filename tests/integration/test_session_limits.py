"""What recorded sessions may not do to others: run in crowds, take a stranger's time, or fail on odd names."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client, RequestFactory, override_settings

from signal_log import clock
from signal_log.conf import conf
from signal_log.errors import SessionError
from signal_log.models import DebugSession, SessionTrace, SignalEvent
from signal_log.show.pages.receivers import receivers_page
from signal_log.show.pages.sessions import sessions_page
from signal_log.show.pages.traces import traces_page
from signal_log.show.trace.client_test import as_client_test
from signal_log.telemetry import recorded, sessions
from tests.pages import text
from tests.shop.models import Category
from tests.tail import make_observer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_nothing_waits", "_nothing_runs")]


def test_a_few_sessions_run_at_once():
    """More would be copies of the same; who asks for one too many is told which run."""
    client = Client()
    client.force_login(make_observer("grace", superuser=True))
    running = [recorded.start(f"number {number}", "everything") for number in range(recorded.MOST_RUNNING)]
    answer = client.post("/sessions/", {"name": "another", "scope": "browser"})
    assert answer.status_code == 400
    assert "5 sessions are running, which is as many as may: “number 4”, “number 3”" in text(answer)
    recorded.stop(running[0])
    DebugSession.objects.filter(pk=running[1].pk).update(stops_at=clock.now())
    recorded.start("another", "client")
    recorded.start("one more", "client")
    assert DebugSession.objects.count() == 7


@pytest.mark.parametrize("name", ["x\x00y", "nobody", "\ud800", "abc", "9" * 30, "-1", "1e3", ""])
@pytest.mark.parametrize("field", ["username", "id"])
def test_a_user_who_cannot_be(name, field, monkeypatch):
    """Of characters that no database keeps, or where users are known by a number."""
    monkeypatch.setattr(User, "USERNAME_FIELD", field)
    with pytest.raises(SessionError, match=r"There is no user|Name the user"):
        recorded.start("theirs", "user", target=name)
    assert not DebugSession.objects.exists()


def test_the_page_says_of_such_a_user_that_there_is_none():
    client = Client()
    client.force_login(make_observer("grace", superuser=True))
    answer = client.post("/sessions/", {"name": "theirs", "scope": "user", "user": "x\x00y"})
    assert (answer.status_code, "There is no user" in text(answer)) == (400, True)


def test_a_project_without_accounts():
    """It has nobody to record, a test that logs nobody in, and pages that say what they need."""
    Category.objects.create(name="toys")
    events = list(SignalEvent.objects.filter(sender="shop.Category"))
    for event in events:
        event.actor_pk = "7"
    with override_settings(AUTH_USER_MODEL="missing.User"):
        with pytest.raises(SessionError, match="no accounts"):
            recorded.start("theirs", "user", target="ada")
        test = as_client_test(events, {"method": "POST", "path": "/save/", "form": [["name", "toys"]]}, "200")
        assert "client.post('/save/'" in test
        assert "force_login" not in test
        for page in (sessions_page, traces_page, receivers_page):
            answer = page(RequestFactory().get("/"))
            assert (answer.status_code, "AuthenticationMiddleware in MIDDLEWARE" in text(answer)) == (403, True)


def test_expired_sessions_go_a_little_at_a_time():
    """It is somebody's request that ends, and a session may hold 64 MB: so much of it at once, at least one row."""
    session = recorded.start("large", "browser")
    now = clock.now()
    mb = 1024 * 1024
    rows = [
        SessionTrace(
            session=session, trace_id=uuid.uuid4(), source="http", name="GET /", started_at=now, duration_us=1,
            events=1, operations=1, failed=0, silent=0, bytes=size, data="{}",
        )
        for size in (5 * mb, mb // 2, mb // 4, mb // 2, 10, 10)
    ]  # fmt: skip
    SessionTrace.objects.bulk_create(rows)
    DebugSession.objects.update(expires_at=now)
    left = []
    for _ in range(4):
        sessions.expire(connections[conf.DATABASE])
        left.append(SessionTrace.objects.count())
    assert left == [5, 2, 0, 0]
    assert not DebugSession.objects.exists()


def test_a_new_sessions_start_removes_only_what_has_its_name():
    """Others that have expired are not its concern, however much they hold."""
    for name in ("checkout", "other"):
        recorded.start(name, "browser")
    DebugSession.objects.update(expires_at=clock.now())
    recorded.start("checkout", "browser")
    assert set(DebugSession.objects.values_list("name", flat=True)) == {"checkout", "other"}
    assert recorded.all_sessions().count() == 1
