"""Shared views: who may share, open and remove them, and what names and queries may contain."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection
from django.http import HttpResponse
from django.test import Client, override_settings

from signal_log.capture.model.registry import is_chosen
from signal_log.errors import SharedViewError
from signal_log.models import SharedView, SignalEvent
from signal_log.show.pages import shared
from signal_log.show.query.shared_query import checked, for_history
from tests.integration.test_failures_other_database import LOG, log  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db

SEE, ADD, DELETE = "view_signalevent", "add_sharedview", "delete_sharedview"
QUERY = "sender=users.Profile&outcome=%21committed&view=signals&cols=time.kind.obj-310"


def person(name: str, *permissions: str, **fields: Any) -> Client:
    """Return a client of a new account with these permissions, which checks CSRF tokens as for a browser."""
    user = get_user_model().objects.create_user(name, **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def share(client: Client, name: str = "errors", query: str = QUERY) -> HttpResponse:
    """Try to share a view, and return the answer."""
    return client.post("/views/", {"name": name, "query": query})  # type: ignore[return-value]


def kept(name: str = "errors") -> SharedView:
    """A view shared by somebody who has left."""
    return shared.share(get_user_model()(pk=77, username="grace"), name, QUERY)


def test_a_view_is_shared_with_everybody_who_may_see_events() -> None:
    """Everyone sees its name, its query, and who shared it when; each reader learns what they may do with it."""
    answer = share(person("mira", SEE, ADD), "  errors ")
    assert answer.status_code == 200
    assert answer.json()["may_share"] is True
    seen = person("ada", SEE).get("/views/").json()
    assert seen["may_share"] is False
    (view,) = seen["views"]
    assert (view["name"], view["query"], view["by"], view["removable"]) == ("errors", QUERY, "mira", False)
    assert view["at"].endswith("Z")


@pytest.mark.parametrize("address", ["/views/", "/events/", "/admin/signal_log/sharedview/"])
def test_nobody_else_sees_a_name(address: str) -> None:
    """Anonymous visitors are asked to log in; accounts without the permission get a 403, even staff with all others."""
    kept("marker-of-a-view")
    assert b"marker-of-a-view" in person("ada", SEE, is_staff=True).get(address).content
    for client, status in ((Client(), 302), (person("eve", ADD, DELETE, is_staff=True), 403)):
        answer = client.get(address)
        assert answer.status_code == status
        assert b"marker-of-a-view" not in answer.content
    answer = person("root", is_superuser=True, is_staff=True).get(address)
    assert "no-store" in answer["Cache-Control"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_sharing_needs_its_permission() -> None:
    """Seeing events is not enough to share, nor is the permission to share without seeing them."""
    assert share(person("ada", SEE)).status_code == 403
    assert ADD in share(person("bob", SEE, DELETE)).json()["error"]
    assert share(person("eve", ADD)).status_code == 403
    assert share(Client()).status_code == 302
    assert not SharedView.objects.exists()


def test_the_sharer_takes_it_away_and_whom_the_permission_allows() -> None:
    """The sharer and those with the permission may remove it, nobody else; removing it twice returns what is there."""
    mira = person("mira", SEE, ADD)
    number = share(mira).json()["views"][0]["id"]
    assert share(mira, "others").json()["views"][1]["removable"] is True
    address = f"/views/{number}/delete/"
    refused = person("ada", SEE, ADD).post(address)
    assert refused.status_code == 403
    assert "Only mira" in refused.json()["error"]
    assert person("eve", DELETE).post(address).status_code == 403
    assert Client().post(address).status_code == 302
    assert SharedView.objects.count() == 2
    assert [view["name"] for view in mira.post(address).json()["views"]] == ["others"]
    assert mira.post(address).status_code == 200
    keeper = person("root", SEE, DELETE)
    assert keeper.get("/views/").json()["views"][0]["removable"] is True
    keeper.post(f"/views/{SharedView.objects.get().pk}/delete/")
    assert not SharedView.objects.exists()


def test_losing_the_permission_ends_access_to_views() -> None:
    """Deactivating the account or taking away the log's permission works at once, even with the session still open."""
    mira = person("mira", SEE, ADD, DELETE)
    number = kept().pk
    with override_settings(SIGNAL_LOG={**settings.SIGNAL_LOG, "PERMISSION": "auth.delete_user"}):
        answers = [mira.get("/views/"), share(mira, "b"), mira.post(f"/views/{number}/delete/")]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    get_user_model().objects.update(is_active=False)
    answers = [mira.get("/views/"), share(mira, "b"), mira.post(f"/views/{number}/delete/")]
    assert [answer.status_code for answer in answers] == [302, 302, 302]
    assert SharedView.objects.count() == 1


def test_a_foreign_page_cannot_share_or_take_away() -> None:
    """Without the token nothing happens, even in a host that has no CSRF middleware."""
    mira = person("mira", SEE, ADD, DELETE)
    number = kept().pk
    mira.handler.enforce_csrf_checks = True
    without = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    for middleware in (settings.MIDDLEWARE, without):
        with override_settings(MIDDLEWARE=middleware):
            mira.handler.load_middleware()
            assert share(mira, "others").status_code == 403
            assert mira.post(f"/views/{number}/delete/").status_code == 403
    assert SharedView.objects.count() == 1
    page = mira.get("/").content.decode()
    token = page.partition('data-token="')[2].partition('"')[0]
    answer = mira.post("/views/", {"name": "others", "query": "", "csrfmiddlewaretoken": token})
    assert answer.status_code == 200


def test_other_methods_are_refused() -> None:
    """A link or an image changes nothing."""
    root = person("root", is_superuser=True)
    number = kept().pk
    opened = root.get(f"/views/{number}/delete/", headers={"accept": "text/html"})
    assert opened.status_code == 405
    assert "what a button sends" in opened.content.decode()
    for send in (root.put, root.delete, root.patch):
        assert send("/views/").status_code == 405
    assert root.post(f"/views/{2**70}/delete/").status_code == 200
    assert SharedView.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "Give the view a name"),
        (" \t\n ", "Give the view a name"),
        ("x" * 61, "61 characters long"),
        ("one\ntwo", "one⏎two"),
        ("a\tb", "invisible characters"),
        ("nul\x00", "U+0000"),
        ("\u202egnp.exe", "U+202E"),
        ("zero\u200bwidth", "U+200B"),
    ],
)
@pytest.mark.one_database
def test_a_name_is_one_line_that_can_be_read(name: str, error: str) -> None:
    """The answer says what is wrong with the name."""
    answer = share(person("mira", SEE, ADD), name)
    assert answer.status_code == 400
    assert error in answer.json()["error"]
    assert not SharedView.objects.exists()


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("owner=me", "cannot contain 'owner'"),
        ("before=7", "cannot contain 'before'"),
        ("outcome=lost", "must be one of"),
        ("trace=7", "UUID"),
        ("q=%00", "At character 1: No event"),
        ("since=yesterday", "'since' must be a date"),
        ("since=2026-02-01&until=2026-01-01", "earlier"),
        ("view=table", "is not valid in a view"),
        ("cols=a;b", "is not valid in a view"),
        (f"cols={'a.' * 200}a", "is not valid in a view"),
        ("view=signals&view=x", "is not valid in a view"),
        (f"q={'x' * 501}", "at most 500 characters"),
        (f"q={'x' * 2000}", "2,002 characters"),
        (f"q={'é' * 400}", "2,402 characters"),
        ("&".join(f"actor={n}" for n in range(60)), "at most 50"),
        ("&" * 1500, "too many"),
    ],
)
@pytest.mark.one_database
def test_a_query_is_one_that_opens(query: str, error: str) -> None:
    """The answer says why nobody could open the query."""
    answer = share(person("mira", SEE, ADD), query=query)
    assert answer.status_code == 400
    assert error in answer.json()["error"]
    assert not SharedView.objects.exists()


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "';--", "%s {{ x }}", "javascript:alert(1)", "ünïcødé 👩‍🚀"]
)
def test_hostile_text_is_shown_as_text(text: str) -> None:
    """Names, values and user names are shown as text in the list, the history and the admin."""
    root = person(text, is_superuser=True, is_staff=True)
    assert share(root, text, f"q={quote(text)}").status_code == 200
    (view,) = root.get("/views/").json()["views"]
    assert (view["name"], view["by"]) == (text, text)
    assert view["query"].isascii()
    for address in ("/events/", "/admin/signal_log/sharedview/"):
        html = root.get(address).content.decode()
        assert "alert(1)</script>" not in html
        assert 'href="javascript' not in html


def test_a_name_is_taken_once_whatever_its_case() -> None:
    """The second one is told that the name is taken."""
    mira = person("mira", SEE, ADD)
    kept("Errors")
    answer = share(mira, "errors")
    assert answer.status_code == 400
    assert "A view named “Errors” is already shared" in answer.json()["error"]


def test_two_at_once_make_one_view(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's constraint decides, and the losing request gets an answer."""

    def too_late(*_: Any, **__: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr(SharedView, "save", too_late)
    with pytest.raises(SharedViewError, match="already"):
        kept()
    assert not SharedView.objects.exists()


def test_a_hundred_views_are_enough() -> None:
    """The list stays short enough to read."""
    mira = person("mira", SEE, ADD)
    for number in range(shared.MAX_SHARED):
        kept(f"view {number}")
    answer = share(mira, "one more")
    assert answer.status_code == 400
    assert "100 views are already shared" in answer.json()["error"]
    assert SharedView.objects.count() == 100


def test_the_history_lists_them_as_links() -> None:
    """Without a script there are links with the filters, and with every signal if the view shows those."""
    mira = person("mira", SEE)
    assert "Shared views" not in mira.get("/events/").content.decode()
    kept()
    html = mira.get("/events/").content.decode()
    assert "Shared views" in html
    assert 'href="/events/?sender=users.Profile&amp;outcome=%21committed&amp;every=1"' in html
    assert mira.get("/events/?sender=users.Profile&outcome=%21committed&every=1").status_code == 200
    assert for_history("view=cascades&cols=kind") == ""


def test_any_view_that_may_be_shared_is_one_the_history_opens() -> None:
    """Sharing and the history accept the same queries."""
    mira = person("mira", SEE)
    for query in ("", QUERY, "q=%2B%26%3D&actor=a&actor=b", "since=2026-11-22T14:02:00Z&view=cascades"):
        assert checked(checked(query)) == checked(query)
        assert mira.get(f"/events/?{for_history(checked(query))}").status_code == 200


def test_views_are_never_recorded() -> None:
    """Even if everything is observed, looking at the log leaves no events in it."""
    with override_settings(SIGNAL_LOG={"MODELS": ["*", "signal_log.SharedView"]}):
        assert not is_chosen(SharedView)
    before = SignalEvent.objects.filter(sender__startswith="signal_log").count()
    kept().delete()
    assert SignalEvent.objects.filter(sender__startswith="signal_log").count() == before == 0


def test_a_view_outlives_the_account_that_shared_it() -> None:
    """The view still names the deleted account."""
    share(person("mira", SEE, ADD))
    get_user_model().objects.get(username="mira").delete()
    assert person("ada", SEE).get("/views/").json()["views"][0]["by"] == "mira"


def test_the_admin_reads_and_deletes_and_does_no_more() -> None:
    """Deleting in the admin needs the permission too."""
    number = kept().pk
    base = f"/admin/signal_log/sharedview/{number}"
    reader = person("staff", SEE, is_staff=True)
    assert "errors" in reader.get(f"{base}/change/").content.decode()
    assert reader.post(f"{base}/delete/", {"post": "yes"}).status_code == 403
    assert person("other", DELETE, is_staff=True).post(f"{base}/delete/", {"post": "yes"}).status_code == 403
    keeper = person("keeper", SEE, DELETE, is_staff=True)
    assert keeper.post(f"{base}/change/", {"name": "x"}).status_code == 403
    assert keeper.get("/admin/signal_log/sharedview/add/").status_code == 403
    keeper.post(f"{base}/delete/", {"post": "yes"})
    assert not SharedView.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_views_stand_in_the_database_of_the_log(log: Any) -> None:  # noqa: F811  the fixture
    """If the log has a database of its own, views are stored there, and so is every change to them."""
    if log.vendor == "sqlite":
        with log.schema_editor() as editor:
            editor.create_model(SharedView)
    view = kept()
    assert view._state.db == LOG
    assert shared.all_views().get() == view
    if connection.vendor == "sqlite":  # on PostgreSQL both of the test's connections lead to the same database
        assert not SharedView.objects.using("default").exists()
    person("root", is_superuser=True).post(f"/views/{view.pk}/delete/")
    assert not shared.all_views().exists()
