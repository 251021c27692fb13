"""Recorded sessions: which traces belong to one, what is kept of them, and where it ends."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import path

from signal_log.capture.trace import session_token
from signal_log.capture.trace.deeper import Deeper
from signal_log.capture.trace.gathered import in_use
from signal_log.capture.trace.membership import running
from signal_log.capture.trace.websocket import dispatch
from signal_log.errors import SessionError
from signal_log.models import DebugSession, SessionTrace, SignalTrace
from signal_log.telemetry import keeper, recorded, sessions
from tests.integration import telemetry_views
from tests.integration.telemetry_views import save
from tests.shop.models import Category
from tests.tail import make_observer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.integration.test_sessions"),
    pytest.mark.usefixtures("_nothing_waits", "_nothing_runs"),
]


def mine(request, name):
    """Save one category for the user who is logged in."""
    assert request.user.is_authenticated
    return save(request, name)


def literal(request):
    """A statement with a value in its text, and a form that is read."""
    name = request.POST["name"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shop_category SET name = 'lit-9093-otter' WHERE name = %s AND id < 0", [name])
    return save(request, name + request.GET["token"][:0])


urlpatterns = [*telemetry_views.urlpatterns, path("mine/<str:name>/", mine), path("literal/", literal)]


def browser_of(session: DebugSession) -> Client:
    client = Client()
    client.cookies[session_token.COOKIE] = recorded.token(session)
    return client


def names(session: DebugSession) -> list[str]:
    return list(recorded.caught(session).values_list("name", flat=True))


@pytest.mark.usefixtures("_restocking")
def test_a_browsers_session_gets_its_requests_and_no_others():
    """Statements come with time and receiver, stacks begin with own code, and nothing has a value."""
    session = recorded.start("checkout", "browser")
    Client().get("/save/others/")
    assert not in_use[0]
    browser_of(session).get("/save/toys/?token=abc123secret&page=2")
    assert names(session) == ["GET /save/toys/"]
    (caught,) = SessionTrace.objects.all()
    kept = json.loads(caught.data)
    (insert,) = [ran for ran in kept["statements"] if "INSERT" in kept["texts"][ran[0]]]
    (select,) = [ran for ran in kept["statements"] if ran[5].endswith("restock")]
    assert (insert[1], insert[5]) == (1, "")
    assert select[4] == 2
    assert insert[2] <= select[2]
    assert kept["stacks"][insert[6]][0][0].endswith("in save")
    assert "telemetry_views.py" in kept["stacks"][kept["operations"]["1"]][0][0]
    assert "toys" not in " ".join(kept["texts"])
    session.refresh_from_db()
    assert (session.traces, session.bytes) == (1, caught.bytes)
    assert kept["request"]["query"] in ([], [["token", "••••••••"], ["page", "2"]])


def test_a_client_names_its_session_in_a_header():
    """So does each message of a socket whose handshake had it."""
    session = recorded.start("api", "client")
    Client().get("/save/toys/", headers={"X-Signal-Session": recorded.token(session)})
    assert names(session) == ["GET /save/toys/"]


@pytest.mark.parametrize("spoil", [lambda token: token[:-1], lambda _: "1.9999999999", lambda _: "x" * 300])
def test_a_forged_token_names_no_session(spoil):
    session = recorded.start("checkout", "browser")
    client = Client()
    client.cookies[session_token.COOKIE] = spoil(recorded.token(session))
    client.get("/save/toys/")
    assert (names(session), in_use[0]) == ([], False)


def test_an_expired_token_names_no_session():
    session = recorded.start("checkout", "browser")
    token = session_token.make_token("browser", session.pk, 1)
    assert session_token.read_token("browser", token) is None


def test_everything_is_recorded_while_such_a_session_runs():
    """A process that knows nothing of it learns it when a trace ends; the trace belongs to it, with less detail."""
    session = recorded.start("all", "everything")
    running.forget()
    Client().get("/save/toys/")
    Client().get("/save/books/")
    assert names(session) == ["GET /save/toys/", "GET /save/books/"]
    first, second = (json.loads(one.data) for one in recorded.caught(session))
    assert (first, bool(second["statements"])) == ({}, True)


def test_one_users_work_is_recorded_and_nobody_elses():
    """From when the host has read who it is, which is never done for it."""
    session = recorded.start("ada", "user", target=make_observer("ada").username)
    for user in (User.objects.get(), make_observer("eve")):
        client = Client()
        client.force_login(user)
        client.get(f"/mine/{user}/")
    assert list(recorded.caught(session).values_list("actor_repr", "operations")) == [("ada", 1)]
    texts = json.loads(recorded.caught(session).get().data)["texts"]
    assert any("INSERT" in text for text in texts)
    with pytest.raises(SessionError, match="no user"):
        recorded.start("bob", "user", target="bob")


def test_what_is_not_that_users_is_not_captured():
    """Not a statement, and no stack, whoever it is; nor before that is known."""
    actor = [""]
    deeper = Deeper(0, actor=lambda: actor[0], state=lambda: (actor[0], None, 0), wanted=frozenset({"1"}))
    for actor[0], wanted in (("", False), ("2", False), ("1", True), ("", True)):
        assert deeper.is_on() is wanted


def test_a_stopped_session_takes_no_more():
    session = recorded.start("checkout", "browser")
    client = browser_of(session)
    client.get("/save/toys/")
    assert recorded.stop(session)
    assert not recorded.stop(session)
    running.forget()  # another process, which has not heard of it
    client.get("/save/books/")
    client.get("/save/shoes/")
    assert len(names(session)) == 1
    assert running.over == {session.pk}
    assert recorded.why_ended(session) == "Stopped."


def test_a_session_ends_when_it_holds_enough(monkeypatch):
    """By number and by size; it says so, and what does not fit is left out."""
    session = recorded.start("checkout", "browser")
    DebugSession.objects.filter(pk=session.pk).update(bytes=sessions.MAX_BYTES - 10)
    browser_of(session).get("/save/toys/")
    session.refresh_from_db()
    assert (session.ended_at is not None, session.why_ended, session.traces) == (True, sessions.ENOUGH, 0)


def test_a_session_whose_time_is_up_takes_no_more():
    session = recorded.start("checkout", "browser")
    client = browser_of(session)
    DebugSession.objects.filter(pk=session.pk).update(stops_at=session.started_at)
    client.get("/save/toys/")
    session.refresh_from_db()
    assert (names(session), recorded.why_ended(session)) == ([], recorded.TIME_IS_UP)


def test_an_expired_session_goes_with_a_trace_that_ends():
    """Once an hour each process looks for some, whether or not anybody starts another."""
    session = recorded.start("checkout", "browser")
    browser_of(session).get("/save/toys/")
    sessions.looks.next_at = sessions.looks.expire_at = float("-inf")
    Client().get("/look/")
    assert SessionTrace.objects.count() == 1
    DebugSession.objects.update(expires_at=session.started_at)
    Client().get("/save/books/")
    assert SessionTrace.objects.count() == 1  # not before the hour is over
    sessions.looks.next_at = sessions.looks.expire_at = float("-inf")
    Client().get("/save/shoes/")
    assert (DebugSession.objects.count(), SessionTrace.objects.count()) == (0, 0)


def test_no_secret_is_kept(settings):
    """Neither of the form nor of the address nor in the text of a statement, masked or quoted."""
    session = recorded.start("login", "browser")
    client = browser_of(session)
    client.post(
        "/literal/?token=tok-5150-zebra", {"password": "pw-4711-heron", "name": "toys", "note": "pw-4711-heron again"}
    )
    kept = recorded.caught(session).get().data
    assert [secret for secret in ("pw-4711-heron", "tok-5150-zebra", "lit-9093-otter") if secret in kept] == []
    request = json.loads(kept)["request"]
    assert ["name", "toys"] in request["form"]
    assert ["password", "••••••••"] in request["form"]
    assert any("shop_category" in text for text in json.loads(kept)["texts"])


def test_messages_of_a_socket_belong_to_the_session_of_its_handshake():
    """Browser and client alike; other sockets' messages do not."""
    session, api = recorded.start("socket", "browser"), recorded.start("api", "client")
    cookie = f"a=b; {session_token.COOKIE}={recorded.token(session)}"
    headers = [(b"cookie", cookie), (b"x-signal-session", recorded.token(api)), (b"cookie", "a=b")]

    async def act(_, message):
        await sync_to_async(Category.objects.create)(name=message["name"])

    for number, (name, value) in enumerate(headers):
        scope = {"type": "websocket", "path": "/ws/", "headers": [(name, value.encode())]}
        message = {"type": "websocket.receive", "name": f"number {number}"}
        async_to_sync(dispatch(act))(SimpleNamespace(scope=scope), message)
    keeper.write_kept(connect=True)
    assert names(session) == names(api) == ["receive /ws/"]


def test_a_fault_of_ours_is_not_the_hosts(monkeypatch):
    """The statement runs, and the rest of the telemetry is kept."""
    session = recorded.start("faulty", "browser")
    monkeypatch.setattr("signal_log.capture.trace.deeper.is_own", lambda _: 1 / 0)
    monkeypatch.setattr("signal_log.capture.trace.deeper._verdicts", {})
    assert browser_of(session).get("/save/toys/").status_code == 201
    assert json.loads(recorded.caught(session).get().data)["omitted"] >= 2
    monkeypatch.setattr("signal_log.telemetry.keeper.shown_text", lambda _: 1 / 0)
    monkeypatch.setattr("signal_log.capture.trace.deeper.is_own", lambda _: True)
    assert browser_of(session).get("/save/books/").status_code == 201
    assert (SignalTrace.objects.count(), len(names(session))) == (2, 1)


@pytest.mark.parametrize("name", ["", "x" * 61, "a\u202eb", "17", "checkout"])
def test_a_name_that_cannot_be_one(name):
    recorded.start("checkout", "browser")
    with pytest.raises(SessionError):
        recorded.start(name, "browser")
    assert DebugSession.objects.count() == 1


def test_an_expired_session_is_gone():
    """Its name is free again, and its rows go when another begins."""
    session = recorded.start("checkout", "browser")
    browser_of(session).get("/save/toys/")
    DebugSession.objects.update(expires_at=session.started_at)
    assert not recorded.all_sessions().exists()
    recorded.start("checkout", "browser")
    assert (DebugSession.objects.count(), SessionTrace.objects.count()) == (1, 0)


def test_a_process_of_a_session_is_recorded(monkeypatch):
    """``signal_session run`` names it in the environment; commands in it belong to it."""
    session = recorded.start("import", "command")
    monkeypatch.setenv(session_token.ENVIRONMENT, recorded.token(session))
    monkeypatch.setattr(running, "process", session_token.named_by_process())
    call_command("createsuperuser", "--noinput", username="root", email="root@example.org")
    assert names(session) == ["command:createsuperuser"]
