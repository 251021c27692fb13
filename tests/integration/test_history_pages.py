"""The list of the history."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.http import QueryDict
from django.test import Client

from signal_log.models import SignalEvent
from tests.factories import make_event, operation
from tests.pages import text

pytestmark = pytest.mark.django_db


def test_operations_are_folded_and_every_signal_is_one_click_away(root: Client) -> None:
    """By default a save is one line, and a switch shows both signals."""
    post = operation(uuid.uuid4(), 1, object_repr="folded-thing")
    folded, every = root.get("/events/?object=folded-thing"), root.get("/events/?object=folded-thing&every=1")
    assert [line.event.pk for line in folded.context["lines"]] == [post.pk]
    assert [line.kind.word for line in every.context["lines"]] == ["post_save", "pre_save"]
    assert 'href="/events/?object=folded-thing&amp;every=1"' in text(folded)


def test_work_that_never_finished_is_shown_folded_too(root: Client) -> None:
    """A failed save has no post signal, a rolled-back one has; each is one line."""
    make_event(signal="pre_save", outcome="failed", error="IntegrityError: no", object_repr="broken", operation=2)
    operation(uuid.uuid4(), 1, outcome="rolled_back", object_repr="broken")
    shown = root.get("/events/?object=broken").context["lines"]
    assert sorted(line.kind.word for line in shown) == ["failed", "rolled back"]


def test_what_a_query_asks_for_is_marked_and_what_is_wrong_in_one_too(root: Client) -> None:
    """In the lines only text is marked, nothing that is excluded; of a wrong query its place."""
    make_event(object_repr="<b>Guido</b>", actor_repr="ada", changes={"email": ["a@x", "guido@x"]}, source="http")
    shown = text(root.get("/events/", {"q": '"<B>gui" email: -shell ada'}))
    assert '<mark class="hit">&lt;b&gt;Gui</mark>do&lt;/b&gt;' in shown
    assert '<mark class="hit">email</mark>' in shown
    assert shown.count('<mark class="hit">ada</mark>') == 1
    assert '<mark class="hit">ada</mark>' in text(root.get("/events/?actor=ada&source=!ada"))
    assert "<mark" not in text(root.get("/events/?source=http&q=model:User"))
    wrong = root.get("/events/", {"q": "<i> outcome:fai"})
    assert wrong.status_code == 400
    assert "<p>At character 13: There is no such outcome." in text(wrong)
    assert "&lt;i&gt; outcome:<mark>fai</mark></code>" in text(wrong)


@pytest.mark.parametrize("outcome", ["committed", "rolled_back"])
def test_a_change_of_a_relation_is_one_line_too(root: Client, outcome: str) -> None:
    """The post signal represents both, as on the live page; a pre signal without one stands for itself."""
    common = {"signal": "m2m_changed", "trace_id": uuid.uuid4(), "object_repr": "ada in groups", "outcome": outcome}
    make_event(position=1, operation=1, origin={"action": "pre_add"}, **common)
    post = make_event(position=2, operation=1, origin={"action": "post_add"}, **common)
    alone = make_event(position=3, operation=3, origin={"action": "pre_clear"}, **common)
    strange = make_event(position=4, operation=4, origin=None, **common)
    folded, every = root.get("/events/?object=ada in groups"), root.get("/events/?object=ada in groups&every=1")
    assert [line.event.pk for line in folded.context["lines"]] == [strange.pk, alone.pk, post.pk]
    assert len(every.context["lines"]) == 4


@pytest.mark.django_db(transaction=True)
def test_real_changes_of_a_relation(root: Client) -> None:
    """Adding, removing and clearing is one line each, on the history and on the object's own page."""
    user, group = get_user_model().objects.create_user("ada"), Group.objects.create(name="readers")
    user.groups.add(group)
    user.groups.remove(group)
    user.groups.add(group)
    user.groups.clear()
    for page in ("/events/", f"/objects/auth.User/{user.pk}/"):
        context = root.get(page).context
        lines = context["lines"] if "lines" in context else context["parts"][0].lines
        shown = [line.event for line in lines if line.event.signal == "m2m_changed"]
        assert [e.origin["action"] for e in shown] == ["post_clear", "post_add", "post_remove", "post_add"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sender=shop.Item", {"a", "b"}),
        ("sender=!shop.Item", {"c"}),
        ("signal=post_delete", {"b"}),
        ("outcome=rolled_back", {"c"}),
        ("source=command:import", {"c"}),
        ("actor=linus", {"a"}),
        ("actor=41", {"b"}),
        ("actor_pk=41", {"b"}),
        ("actor_name=41", set()),
        ("actor_name=linus", {"a"}),
        ("actor_pk=linus", set()),
        ("object=shop.Item/1", {"a"}),
        ("q=PURPLE", {"b"}),
        ("sender=shop.Item&actor=linus", {"a"}),
        ("since=2020-01-02&until=2020-01-03", {"b"}),
        ("until=2020-01-01T12:00:00Z", {"a"}),
    ],
)
def test_filters(root: Client, query: str, found: set[str]) -> None:
    """Each filter of the query string finds what it names and nothing else."""
    a = make_event(sender="shop.Item", object_pk="1", actor_repr="linus", actor_pk="40",
                   occurred_at=datetime(2020, 1, 1, tzinfo=UTC))  # fmt: skip
    b = make_event(sender="shop.Item", object_pk="2", signal="post_delete", changes={"colour": ["purple", None]},
                   actor_pk="41", occurred_at=datetime(2020, 1, 2, tzinfo=UTC))  # fmt: skip
    c = make_event(sender="shop.Category", outcome="rolled_back", source="command:import")
    names = {a.pk: "a", b.pk: "b", c.pk: "c"}
    if query.startswith("sender=!"):
        query += "&sender=!auth.User&sender=!users.Profile"
    response = root.get(f"/events/?{query}")
    assert response.status_code == 200
    assert {names.get(line.event.pk) for line in response.context["lines"]} == found


def test_a_bad_filter_is_a_400_that_keeps_what_was_typed(root: Client) -> None:
    """The field says what is accepted, and nothing is listed, because it could be mistaken for the answer."""
    response = root.get("/events/", {"since": "last <week>", "q": "kept text", "actor": "ada"})
    assert response.status_code == 400
    page = unescape(text(response))
    assert "'since' must be a date or a time" in page
    assert 'value="last <week>"' in page
    assert 'value="kept text"' in page
    assert 'value="ada"' in page
    assert "lines" not in response.context


def test_an_unknown_filter_is_reported(root: Client) -> None:
    """An unknown filter is reported, because a mistyped key would silently show too much."""
    response = root.get("/events/?sendr=auth.User")
    assert response.status_code == 400
    assert "Unknown filter" in text(response)


def test_no_match_teaches_which_filter_to_drop(root: Client) -> None:
    """The empty page offers to continue without each of the filters."""
    make_event()
    page = text(root.get("/events/?actor=nobody-at-all&sender=auth.User"))
    assert "No events match these filters" in page
    assert '<p>Or ask <a href="/events/?q=outcome' in page
    assert 'href="/events/?sender=auth.User"' in page
    assert 'href="/events/?actor=nobody-at-all"' in page


def test_an_empty_log_says_how_to_fill_it(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any event the page names the observed models and a first step."""
    monkeypatch.setattr("signal_log.store.span.events", SignalEvent.objects.none)
    page = text(root.get("/events/"))
    assert "No events yet" in page
    assert "auth.User" in page


def test_values_lead_to_the_list_of_their_like(root: Client) -> None:
    """Model, actor and source narrow the list and keep the other filters; the object links to its history."""
    make_event(object_pk="5", actor_pk="", actor_repr="grace hopper", source="task")
    page = text(root.get("/events/?source=task"))
    assert 'href="/events/?source=task&amp;sender=auth.User"' in page
    assert 'href="/events/?source=task&amp;actor_name=grace+hopper"' in page
    assert 'href="/objects/auth.User/5/"' in page
    assert 'href="/events/?source=task"' in page
    account = make_event(actor_pk="40", actor_repr="grace hopper", source="task")
    for address in ("/events/?actor_name=grace+hopper&source=task", f"/events/{account.pk}/"):
        assert re.search(r'href="/events/\?(source=task&amp;)?actor_pk=40"', text(root.get(address))), address


def test_an_object_named_in_full_is_one_click_away(root: Client) -> None:
    """The page links to the object's own page, which is faster than the filter, since that searches names too."""
    assert 'href="/objects/auth.User/5/">Object history' in text(root.get("/events/?object=auth.User/5"))
    assert "Object history" not in text(root.get("/events/?object=no.Such/5"))


def test_the_number_of_queries_does_not_grow(root: Client, django_assert_num_queries: Any) -> None:
    """Two for the session, two for the seal, breaks, pins, a few for page and choices: for 3 as many as for 90."""
    for number in range(90):
        if number == 3:
            with django_assert_num_queries(11):
                root.get("/events/")
        make_event(object_pk=str(number))
    with django_assert_num_queries(11):
        root.get("/events/")


def test_a_time_that_goes_along_with_the_clock_is_fixed_on_request(root: Client) -> None:
    """`since=now-1h` stays as typed in every link; one link of its own has the times as they are now."""
    page = root.get("/events/?since=now-1h&sender=auth.User")
    assert page.context["every_url"] == "/events/?since=now-1h&sender=auth.User&every=1"
    fixed = page.context["fixed_url"]
    assert re.fullmatch(
        r"/events/\?sender=auth.User&since=2\d+-\d\d-\d\dT\S+Z&until=2\d+-\S+Z", fixed.replace("%3A", ":")
    )
    assert "Fix these times" in text(page)
    assert root.get(fixed).context["fixed_url"] == ""
    assert root.get("/events/?since=2d&until=yesterday").context["fixed_url"] == ""
    within = QueryDict(urlsplit(root.get("/events/?q=ada+since:now-1h&q=until:now").context["fixed_url"]).query)
    assert within.getlist("q") == ["ada"]
    assert re.fullmatch(r"2\d+-\d\d-\d\dT\S+Z", within["since"])
    length = datetime.fromisoformat(within["until"]) - datetime.fromisoformat(within["since"])
    assert abs(length - timedelta(hours=1)) < timedelta(minutes=1)
