"""The live page and the shell around every page, tested without a browser."""

from __future__ import annotations

import json
import re
import sys
from types import ModuleType

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.template.loader import render_to_string
from django.test import AsyncRequestFactory, Client, RequestFactory, override_settings
from django.urls import get_script_prefix, include, path, set_script_prefix

from signal_log.show.pages.live import page_config, why_unopened
from signal_log.templatetags.signal_log_shell import initials, is_observer
from tests.pages import text

elsewhere = ModuleType("elsewhere")
elsewhere.urlpatterns = [path("signals/", include("signal_log.urls"))]  # type: ignore[attr-defined]


@pytest.fixture
def mira(db: None) -> User:
    """A client logged in as someone who may see events."""
    user = User.objects.create_user("mira")
    user.user_permissions.add(Permission.objects.get(codename="view_signalevent"))
    return user


def config(html: str) -> dict[str, object]:
    """Return what the page tells its script."""
    found = re.search(r'<script id="live-config" type="application/json">(.+?)</script>', html)
    assert found
    return dict(json.loads(found[1]))


def test_the_page_knows_its_addresses_where_the_project_mounts_it(client: Client, mira: User) -> None:
    """In this installation the log is at the root."""
    client.force_login(mira)
    page = client.get("/")
    assert page["Cache-Control"] == "no-store"
    known = config(page.content.decode())
    assert (known["home"], known["socket"], known["backfill"]) == ("/", "/ws/events/", 200)
    assert known["account"] == str(mira.pk)


@override_settings(ROOT_URLCONF=elsewhere, LOGIN_URL="/sign-in/")
def test_the_page_works_in_a_project_without_accounts_under_a_prefix(client: Client, mira: User) -> None:
    """A host without the users app and without the admin gets a working page."""
    client.force_login(mira)
    html = client.get("/signals/").content.decode()
    assert config(html)["home"] == "/signals/"
    assert config(html)["login"] == "/sign-in/"
    assert 'href="/signals/events/"' in html
    assert "Log out" not in html
    assert client.get("/signals/").status_code == 200


def test_a_script_prefix_reaches_the_socket() -> None:
    """In a project served below a path, the websocket's address has that prefix too."""
    before = get_script_prefix()
    set_script_prefix("/below/")
    try:
        known = page_config()
    finally:
        set_script_prefix(before)
    assert (known["home"], known["socket"]) == ("/below/", "/below/ws/events/")


def test_why_a_socket_may_not_open(rf: RequestFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server tells the page: it runs WSGI, has loaded no route, or has one that something else must refuse."""
    assert why_unopened(rf.get("/")) == "wsgi"
    request = AsyncRequestFactory().get("/")
    monkeypatch.setitem(sys.modules, "signal_log.tail.routing", ModuleType("routing"))
    assert why_unopened(request) == "refused"
    monkeypatch.delitem(sys.modules, "signal_log.tail.routing")
    assert why_unopened(request) == "unrouted"


def test_only_observers_are_offered_the_log(rf: RequestFactory, mira: User) -> None:
    """The navigation lists what its reader may open, and nothing else."""

    def nav(user: object) -> str:
        request = rf.get("/")
        request.user = user  # type: ignore[assignment]
        return render_to_string("signal_log/base.html", {"user": user}, request)

    assert ">History</a>" in nav(mira)
    assert ">Admin</a>" not in nav(mira)
    eve = User.objects.create_user("eve", is_staff=True)
    assert ">History</a>" not in nav(eve)
    assert ">Admin</a>" in nav(eve)
    assert ">Log in</a>" in nav(AnonymousUser())


def test_the_shell_renders_without_a_request() -> None:
    """An error page has no user, no messages and no request."""
    html = render_to_string("signal_log/base.html")
    assert "Observatory" in html
    assert not is_observer("")


def test_initials_are_two_letters_whatever_the_name() -> None:
    """Badges never overflow and never fail."""
    assert [initials(name) for name in ("ada", "Grace Hopper", "a.turing@x", "", "—")] == ["AD", "GH", "AT", "?", "?"]


@pytest.mark.django_db
def test_every_page_of_the_head_is_reached_on_a_narrow_screen(root: Client) -> None:
    """What the bar has no room for there is in the account's menu."""
    page = text(root.get("/receivers/"))
    head = page.partition("<nav")[2].partition("</nav>")[0]
    hidden = set(re.findall(r'<a class="wide-only" href="([^"]+)"', head))
    in_menu = set(re.findall(r'<a class="narrow-only" href="([^"]+)"', page))
    shown = set(re.findall(r'<a href="([^"]+)"', head))
    assert hidden == in_menu
    assert {"/", "/events/", "/traces/", "/receivers/", "/sessions/", "/seals/", "/admin/"} == hidden | shown
