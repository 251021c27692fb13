"""The audit report of an object or an account: everything that is asked of it on one page, told as an export."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from signal_log.models import SealTree, SignalEvent
from signal_log.seal.grow import begin_tree, grow
from signal_log.show.pages import report
from tests.factories import make_event

pytestmark = pytest.mark.django_db
EXPORTED = "signal_log.exported"


@pytest.fixture
def ada() -> Client:
    """An auditor."""
    user = User.objects.create_user("ada", pk=41)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_signalevent", "export_signalevent"]))
    client = Client()
    client.force_login(user)
    return client


def told() -> list[dict[str, object]]:
    """Return what the events of exports say."""
    return [event.labels for event in SignalEvent.objects.filter(signal=EXPORTED).order_by("pk")]


def test_an_objects_report_says_who_what_when_and_from_where(ada: Client) -> None:
    """With the seal's state and who made it; hostile text is text, and the report is an event."""
    make_event(object_pk="9", object_repr="<b>nine</b>", changes={"email": ["a@x", "b@x"]}, actor_pk="5",
               actor_repr="grace", remote_addr="192.0.2.7", source="http", method="POST", path="/people/9/",
               labels={"reason": "asked for by mail"})  # fmt: skip
    make_event(object_pk="99", object_repr="another")
    page = ada.get("/objects/auth.User/9/?format=report")
    html = page.content.decode()
    assert page.status_code == 200
    for said in ("a@x", "b@x", "grace", "key 5", "192.0.2.7", "POST /people/9/", "reason: asked for by mail",
                 "&lt;b&gt;nine&lt;/b&gt;", "not sealed", "ada", "key 41", "Nothing is sealed yet"):  # fmt: skip
        assert said in html, said
    assert "another" not in html
    assert [(one["format"], one["operations"]) for one in told()] == [("report", 1)]
    assert told()[0]["filters"] == {"object": ["auth.User/9"]}


def test_an_accounts_report_is_bounded_and_narrowed(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the newest operations and says that there are more; filters of the page apply and are named."""
    monkeypatch.setattr(report, "MOST", 3)
    numbers = [make_event(actor_pk="5", object_repr=f"thing{n}").pk for n in range(5)]
    html = ada.get("/actors/5/?format=report").content.decode()
    assert "newest 3 operations" in html
    assert [f"event {number}<" in html for number in numbers] == [False, False, True, True, True]
    html = ada.get("/actors/5/?format=report&q=thing1").content.decode()
    assert "thing1" in html
    assert f"event {numbers[4]}<" not in html
    assert "newest 3" not in html
    assert told()[1]["filters"] == {"actor_pk": ["5"], "q": ["thing1"]}
    assert ada.get("/actors/5/?format=report&q=(").status_code == 400
    assert "Nothing to report" in ada.get("/actors/5/?format=report&q=nowhere-at-all").content.decode()


def test_each_operation_says_how_it_is_sealed(ada: Client) -> None:
    """The leaf that proves it, whether a signature covers that, and what is newer than the tree."""
    make_event(object_pk="9")
    grow(SealTree.objects.order_by("-generation").first() or begin_tree("log.example/0123456789abcdef/1"), 2**62)
    make_event(object_pk="9")
    html = ada.get("/objects/auth.User/9/?format=report").content.decode()
    assert re.findall(r"<td>(leaf \d+, not signed yet|not sealed)</td>", html)[0] == "not sealed"
    assert len(re.findall(r"<td>leaf \d+, not signed yet</td>", html)) == 1


def test_who_may_not_export_gets_none_and_is_offered_none(ada: Client) -> None:
    """An observer is told which permission it needs; nothing is written."""
    make_event(object_pk="9", actor_pk="5")
    assert "format=report" in ada.get("/objects/auth.User/9/").content.decode()
    assert "format=report" in ada.get("/actors/5/").content.decode()
    User.objects.get(pk=41).user_permissions.remove(Permission.objects.get(codename="export_signalevent"))
    for address in ("/objects/auth.User/9/", "/actors/5/"):
        assert "format=report" not in ada.get(address).content.decode()
        refused = ada.get(f"{address}?format=report")
        assert refused.status_code == 403
        assert b"signal_log.export_signalevent" in refused.content
    assert told() == []
