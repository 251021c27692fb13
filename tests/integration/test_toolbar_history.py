"""The toolbar's history of requests shows no passwords (G7), and is shown to people who may see events (G8)."""

import json
import re

import pytest
from debug_toolbar.toolbar import debug_toolbar_urls
from django.contrib.auth.models import User
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings

from observatory.toolbar import HistoryPanel, is_shown_to
from observatory.urls import urlpatterns as project
from signal_log.event import MASK

with override_settings(DEBUG=True):
    urlpatterns = [*project, *debug_toolbar_urls()]


class Toolbar:
    """The parts of the toolbar that a panel uses."""

    request_id = "1"

    def __init__(self):
        self.stats = {}
        self.store = self

    def save_panel(self, request_id, panel_id, data):
        """Keep the data where the toolbar would keep it."""


def test_posted_secrets_are_masked():
    """Form data is kept by name, and fields whose name says secret are masked whole."""
    request = RequestFactory().post(
        "/accounts/register/",
        {"username": "ada", "password1": "correct horse", "new_password2": "staple", "csrfmiddlewaretoken": "abc"},
    )
    toolbar = Toolbar()
    HistoryPanel(toolbar, lambda request: HttpResponse()).generate_stats(request, HttpResponse())
    assert toolbar.stats["HistoryPanel"]["data"] == {
        "username": "ada",
        "password1": MASK,
        "new_password2": MASK,
        "csrfmiddlewaretoken": MASK,
    }
    assert "horse" not in json.dumps(toolbar.stats, default=str)


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_its_own_views_are_for_people_who_may_see_events(settings, mira, show_toolbar):
    """On this machine too: what it stores is everybody's requests. Nobody else's pages have it."""
    show_toolbar("observatory.toolbar.is_shown_to")
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "debug_toolbar.middleware.DebugToolbarMiddleware"]
    stranger = Client()
    stranger.force_login(User.objects.create_user("eve"))
    clients = (Client(), stranger, mira)
    for address in (
        "/__debug__/history_sidebar/?request_id=1",
        "/__debug__/history_refresh/?request_id=1",
        "/__debug__/signal_log/session/",
    ):
        asked = [client.get(address).status_code for client in clients]
        assert asked == [404, 404, 200], address
    assert ["djDebug" in client.get("/accounts/password/reset/").content.decode() for client in clients] == [
        False,
        False,
        True,
    ]
    assert mira.get("/__debug__/history_sidebar/?request_id=1", REMOTE_ADDR="198.51.100.7").status_code == 404


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_the_form_of_a_session_is_for_people_who_may_see_events(mira, show_toolbar):
    """Also where everybody on this machine has the toolbar: they may not record, and are not told who does."""
    show_toolbar(lambda request: True)
    stranger = Client()
    stranger.force_login(User.objects.create_user("eve"))
    address = "/__debug__/signal_log/session/"
    assert [client.get(address).json()["content"] for client in (Client(), stranger)] == ["", ""]
    observer = Client(enforce_csrf_checks=True)
    observer.cookies = mira.cookies
    asked = observer.get(address)
    assert "no-store" in asked["Cache-Control"]
    start = fields(asked)
    assert start.pop("action") == "/sessions/"
    assert observer.post("/sessions/", {**start, "csrfmiddlewaretoken": "x"}).status_code == 403
    assert observer.post("/sessions/", start).status_code == 302
    stop = fields(observer.get(address))
    assert start["name"] in observer.get(address).json()["content"]
    assert observer.post(stop.pop("action"), stop).status_code == 302
    observer.cookies["signal_session"] = "1.9999999999:forged"
    assert fields(observer.get(address))["action"] == "/sessions/"


def fields(response):
    """The address and the values of a form."""
    html = response.json()["content"]
    inputs = re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', html)
    return {"action": re.search(r'action="([^"]+)"', html)[1], **dict(inputs)}


def test_a_database_that_is_down_shows_none(settings, monkeypatch):
    """Who asks cannot be found out; the page for that is not replaced by an error of the toolbar's."""
    settings.DEBUG = True

    def refuse(_):
        raise OperationalError("down")

    monkeypatch.setattr("observatory.toolbar.may_see_events", refuse)
    request = RequestFactory().get("/")
    request.user = User()
    assert not is_shown_to(request)
