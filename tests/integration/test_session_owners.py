"""Whose a recorded session is: what one way of naming it is accepted from, and whose work it gets."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import path

from signal_log.capture.trace import session_token
from signal_log.capture.trace.actor import actor_state
from signal_log.capture.trace.deeper import Deeper
from signal_log.capture.trace.session_token import COOKIE, make_token, read_token
from signal_log.models import DebugSession
from signal_log.show.toolbar.session import is_recorded
from signal_log.telemetry import recorded
from tests.integration.telemetry_views import save
from tests.integration.test_sessions import mine, names
from tests.shop.models import Category
from tests.tail import make_observer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.integration.test_session_owners"),
    pytest.mark.usefixtures("_nothing_waits", "_nothing_runs"),
    pytest.mark.one_database,
]


def enter(request, name):
    """Log in or out, and save."""
    if name == "out":
        logout(request)
    else:
        login(request, User.objects.get(username=name), backend=settings.AUTHENTICATION_BACKENDS[0])
    Category.objects.create(name=name)
    return HttpResponse("done")


urlpatterns = [
    path("mine/<str:name>/", mine), path("save/<str:name>/", save), path("enter/<str:name>/", enter),
]  # fmt: skip


@pytest.fixture
def grace():
    """The browser of an observer who has started a session for it."""
    client = Client()
    user = make_observer("grace", superuser=True)
    client.force_login(user)
    session = recorded.start("checkout", "browser")
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.cookies[COOKIE] = recorded.token(session, account=str(user.pk), login=key)
    return client


def the_names() -> list[str]:
    """What the session has caught."""
    return names(DebugSession.objects.get())


def test_a_browsers_session_gets_what_its_owner_does(grace):
    """Where the application asks who that is, and where it does not."""
    grace.get("/mine/toys/")
    grace.get("/save/books/")
    assert the_names() == ["GET /mine/toys/", "GET /save/books/"]


def test_a_log_out_takes_the_cookie_back(grace):
    """And nothing that follows in that browser is recorded even if it keeps the cookie, until its owner is back."""
    kept = grace.cookies[COOKIE].value
    answer = grace.get("/enter/out/")
    assert answer.cookies[COOKIE].value == ""
    make_observer("eve")
    grace.cookies[COOKIE] = kept
    grace.get("/save/anonymous/")
    assert grace.get("/enter/eve/").cookies[COOKIE]["max-age"] == 0
    grace.cookies[COOKIE] = kept
    assert grace.get("/mine/toys/").cookies[COOKIE].value == ""
    grace.cookies[COOKIE] = kept
    grace.get("/save/books/")
    assert the_names() == ["GET /enter/out/"]
    grace.get("/enter/grace/")
    grace.cookies[COOKIE] = kept
    grace.get("/mine/own/")
    assert the_names()[-1] == "GET /mine/own/"


def test_a_request_that_is_recorded_for_another_says_so_to_nobody(grace):
    """The toolbar's mark and the page's bar follow the account."""
    request = RequestFactory(HTTP_COOKIE=f"{COOKIE}={grace.cookies[COOKIE].value}").get("/")
    request.user = User.objects.get()
    assert is_recorded(request)
    request.user = make_observer("eve")
    assert not is_recorded(request)
    request.user = AnonymousUser()
    assert not is_recorded(request)


@pytest.mark.parametrize("scope", ["browser", "client", "command", "user", "everything"])
def test_a_token_is_accepted_from_where_its_kind_comes_from(scope, monkeypatch):
    """A cookie is no header, and what a process or a task carries is neither."""
    session = recorded.start("any", scope, target=make_observer("ada").username)
    token = recorded.token(session)
    client = Client(headers={"X-Signal-Session": token})
    client.cookies[COOKIE] = token
    named = (
        session_token.named_in({"HTTP_COOKIE": f"{COOKIE}={token}"}),
        session_token.named_in({session_token.HEADER: token}),
    )
    monkeypatch.setenv(session_token.ENVIRONMENT, token)
    found = [bool(each) for each in (*named, session_token.named_by_process())]
    assert found == [scope == kind for kind in ("browser", "client", "command")]
    assert read_token("task", token) is None
    assert read_token("task", make_token("task", session.pk, 9_999_999_999)).session == session.pk
    assert make_token("client", 1, 9_999_999_999, account="4711", login="key").count("4711") == 0


def test_of_a_flood_of_cookies_few_are_read(monkeypatch):
    """Anybody may send as many as fit into a header, and reading one takes a signature."""
    read = []
    monkeypatch.setattr(session_token, "read_token", lambda kind, token: read.append(token))
    flood = "; ".join(f"{COOKIE}=1.1:{number}" for number in range(3_000))
    assert session_token.named_in({"HTTP_COOKIE": flood}) == ()
    assert read == ["1.1:0", "1.1:1", "1.1:2", "1.1:3", "1.1:4"]


def test_who_acts_is_asked_again_only_when_that_may_have_changed():
    """Not at each of another user's statements; but when one is found, logs in or out, or acts as somebody else."""
    request = RequestFactory().get("/")
    asked = []
    deeper = Deeper(
        0,
        actor=lambda: asked.append(1) or str(getattr(getattr(request, "user", None), "pk", "")),
        state=lambda: actor_state(request.__dict__),
        wanted=frozenset({"2"}),
    )
    for number, user in enumerate((None, User(pk=1), AnonymousUser(), User(pk=1)), start=1):
        request.user = user
        for _ in range(5):
            assert not deeper.is_on()
        assert len(asked) == number
    request.impersonator = User(pk=3)
    assert not deeper.is_on()
    assert len(asked) == 5
    request.user = User(pk=2)
    assert deeper.is_on()
