"""Whatever takes filters takes a query, and says of a wrong one where it is wrong."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from signal_log import clock
from signal_log.audit.alerts.rule import parse as parse_alert
from signal_log.audit.redaction.erase import masked_query
from signal_log.audit.redaction.whom import find
from signal_log.errors import ConfigurationError
from signal_log.event import MASK
from signal_log.filters import Filters
from signal_log.query_language.nodes import terms
from signal_log.seal.canonical import timestamp
from signal_log.show.query.shared_query import checked, for_history
from signal_log.show.query.unmatched import unmatched
from signal_log.store.read import as_mapping, events
from signal_log.tail import wire
from signal_log.tail.catchup import bounded
from tests.factories import make_event

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

WRONG = "model:User outcome:fai"
PLACE = {"at": 19, "length": 3, "message": "There is no such outcome. Type committed, rolled_back or failed."}


@pytest.fixture
def log() -> dict[str, int]:
    """Create a few events that queries tell apart, one of them old."""
    old = clock.now() - timedelta(days=2)
    made = {
        "guido": {"object_repr": "Guido", "changes": {"email": ["a@x", "b@x"]}},
        "ada": {"object_repr": "Ada", "changes": {"email": ["b@x", "c@x"]}, "source": "shell"},
        "order": {"sender": "shop.Order", "outcome": "failed", "error": "guido email"},
        "old": {"object_repr": "Guido", "occurred_at": old, "changes": {}},
    }
    return {name: make_event(object_pk="77", **fields).pk for name, fields in made.items()}


@pytest.fixture
def root(client: Client) -> Client:
    """A client of someone who may see everything."""
    client.force_login(User.objects.create_superuser("root"))
    return client


def names(log: dict[str, int], found: list[int]) -> set[str]:
    return {name for name, pk in log.items() if pk in found}


CASES = (
    ("guido email", {"guido", "order"}),
    ('"guido email"', {"order"}),
    ("model:User -source:shell", {"guido", "old"}),
    ("email: old:a@x OR outcome:failed", {"guido", "order"}),
    ("since:now-1d guido", {"guido", "order"}),
    ("until:now-1d", {"old"}),
    ("model:user since:now-1d (ada OR old:a@x)", {"guido", "ada"}),
)


@pytest.mark.parametrize(("query", "wanted"), CASES)
def test_every_surface_reads_a_query_alike(
    log: dict[str, int], root: Client, tmp_path: Path, query: str, wanted: set[str]
) -> None:
    """The history, its JSON and its files, the commands, the admin and the websocket's filters."""
    sent = {"q": query, "every": "1"}
    page = root.get("/events/", sent)
    assert page.context["q_value"] == query
    assert names(log, [event.pk for event in page.context["page"].events]) == wanted
    assert (
        names(log, [event["id"] for event in root.get("/events/", {"q": query, "format": "json"}).json()["events"]])
        == wanted
    )
    lines = b"".join(root.get("/events/", {"q": query, "format": "jsonl"})).splitlines()
    assert names(log, [json.loads(line).get("id", 0) for line in lines]) == wanted
    assert json.loads(lines[0])["export"]["filters"] == {"q": [query]}
    path = tmp_path / "x.jsonl"
    call_command("signal_export", query, f"--output={path}", stderr=StringIO())
    assert names(log, [json.loads(line).get("id", 0) for line in path.read_text().splitlines()]) == wanted
    told = StringIO()
    call_command("signal_tail", query, "--no-follow", "--json", stdout=told, stderr=StringIO())
    assert names(log, [json.loads(line)["id"] for line in told.getvalue().splitlines()]) == wanted
    admin = root.get(reverse("admin:signal_log_signalevent_changelist"), {"q": query})
    assert names(log, [event.pk for event in admin.context["cl"].result_list]) == wanted
    filters = bounded(Filters.parse({"q": query}))
    assert names(log, [event.pk for event in events() if filters.matches(as_mapping(event))]) == wanted


def test_the_counts_of_the_chart_take_a_query(log: dict[str, int], root: Client) -> None:
    """Also one with a time."""
    for query, number in (("guido email", 2), ("since:now-1d model:Order", 1), ("until:now-1d", 0)):
        found = root.get("/events/", {"q": query, "format": "counts"}).json()
        assert sum(sum(second[1:]) for second in found["seconds"]) == number, query


@pytest.mark.parametrize("kind", ["json", "counts", "csv", "jsonl"])
def test_a_wrong_query_is_answered_with_its_place(root: Client, kind: str) -> None:
    """For programs, as numbers."""
    answer = root.get("/events/", {"q": WRONG, "format": kind})
    assert answer.status_code == 400
    assert answer.json() == {
        "problems": {"q": f"At character 20: {PLACE['message']}"}, "places": [{"q": WRONG, **PLACE}],
    }  # fmt: skip


def test_several_queries_have_a_limit_together(root: Client) -> None:
    """Each within its own limit makes a statement that a database refuses, or works at for minutes."""
    half = " ".join(f"-a{number}" for number in range(25))
    more = f"{half} -b"
    assert len(list(terms(Filters.parse({"q": [half, half]}).rest))) == 50
    for sent in ({"format": "json"}, {"format": "facets"}, {"format": "values", "key": "model"}, {"format": "csv"}):
        answer = root.get("/events/", {"q": [half, more], **sent})
        assert answer.status_code == 400, sent
        assert [(one["q"], one["at"], one["length"]) for one in answer.json()["places"]] == [(more, len(half) + 2, 1)]
    assert "at most 50 terms together" in root.get("/events/", {"q": [half, more]}).content.decode()


def test_a_wrong_query_stays_in_the_form(root: Client) -> None:
    """With its place in words, which the field refers to; one that excludes and several are kept as well."""
    page = root.get("/events/", {"q": WRONG})
    text = page.content.decode()
    assert page.status_code == 400
    assert f'value="{WRONG}"' in text
    assert f'id="p-q"><p>At character 20: {PLACE["message"]}' in text
    assert 'aria-invalid="true" aria-describedby="p-q"' in text
    assert root.get("/events/", {"q": "!guido email"}).context["q_value"] == "!guido email"
    two = root.get("/events/", {"q": ["guido", "email"]})
    assert list(two.context["query"].hidden()) == [("q", "guido"), ("q", "email")]
    again = root.get("/events/", {"q": ["since:5m", "since:6m"]})
    assert "At character 1: since: stands here for the second time" in again.content.decode()


def test_a_wrong_query_is_marked_in_a_terminal() -> None:
    """Below the query that was typed."""
    for command in ("signal_export", "signal_tail"):
        with pytest.raises(CommandError) as caught:
            call_command(command, "guido", WRONG)
        assert str(caught.value).splitlines() == [
            f"At character 20: {PLACE['message']}", f"  {WRONG}", "                     ^^^",
        ]  # fmt: skip
        assert caught.value.returncode == 2


def test_a_wrong_query_in_the_admin_is_told(log: dict[str, int], root: Client) -> None:
    """Above a list that is empty."""
    answer = root.get(reverse("admin:signal_log_signalevent_changelist"), {"q": WRONG})
    assert answer.status_code == 200
    assert "At character 20" in answer.content.decode()
    assert answer.context["cl"].result_list == []


def test_the_websocket_says_where_a_query_is_wrong() -> None:
    """The frame has the place of the first problem, and all of them."""
    with pytest.raises(wire.MessageError) as caught:
        wire.decode(json.dumps({"type": "subscribe", "filters": {"q": f"!{WRONG} ("}}), None)
    frame = json.loads(wire.error(caught.value.code, caught.value.detail, caught.value.places))
    assert (frame["code"], frame["at"], frame["length"]) == ("bad_filter", 20, 3)
    assert [problem["at"] for problem in frame["problems"]] == [20, 24]
    assert "at" not in json.loads(wire.error("bad_cursor", "No."))


def test_a_subscription_ends_where_its_query_ends() -> None:
    """Moments are those of subscribing: what comes is later than now-5m, and than now."""
    filters = bounded(Filters.parse({"q": "since:now-5m until:now"}))
    at = {
        name: as_mapping(make_event(occurred_at=clock.now() + timedelta(minutes=m)))
        for name, m in (("6m", -6), ("1m", -1), ("+1m", 1))
    }
    assert [name for name, event in at.items() if filters.matches(event)] == ["1m"]
    assert filters.identity != Filters.parse({"q": "since:now-5m"}).identity
    assert bounded(plain := Filters.parse({"q": "x"})) is plain
    assert filters.earliest < timestamp(clock.now()) >= filters.latest


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("outcome:fai", "At character 9: There is no such outcome"),
        ("q=outcome:fai", "At character 9: There is no such outcome"),
        ("guido OR took:>1s", "known only later"),
        ("guido OR pinned:true", "is answered by the history"),
        ("guido until:now", "has an end"),
        ("q=guido&until=2026-11-22", "has an end"),
        ("since:now-5m", "every event would count"),
    ],
)
def test_an_alert_refuses_what_it_cannot_wait_for(query: str, says: str) -> None:
    """In a sentence, with its place."""
    with pytest.raises(ConfigurationError) as caught:
        parse_alert({"name": "x", "query": query, "count": 1, "seconds": 60, "to": "a@example.org"})
    assert says in str(caught.value)


def test_an_alert_takes_a_query_or_an_address() -> None:
    """Its link leads to the same events."""
    given = {"name": "x", "count": 1, "seconds": 60, "to": "a@example.org"}
    event = as_mapping(make_event(changes={"is_staff": [False, True]}))
    before = as_mapping(make_event(changes={"is_staff": [False, True]}, signal="pre_save"))
    for query in ("model:User is_staff: new:true since:now-5m", "q=model:User+is_staff:true&since=now-5m"):
        rule = parse_alert(given | {"query": query})
        assert rule.matches(event)
        assert not rule.matches(before)
    assert parse_alert(given | {"query": "is_staff: (signal:pre_save OR ada)"}).matches(before)
    assert not parse_alert(given | {"query": "is_staff: -signal:post_save"}).matches(before)


def test_a_shared_view_keeps_a_query_as_it_was_typed() -> None:
    """So that the last five minutes stay the last five."""
    kept = checked("q=since%3Anow-5m+model%3AUser&until=now&view=signals")
    assert kept == "q=since%3Anow-5m+model%3AUser&until=now&view=signals"
    assert for_history(kept) == "q=since%3Anow-5m+model%3AUser&until=now&every=1"


def test_names_in_a_query_that_nothing_has_are_told(log: dict[str, int]) -> None:
    """With what was probably meant; what is excluded is told as such, and what is there is not."""
    filters = Filters.parse({"q": "(model:Usr OR guido) -model:Nope signal:post_sav model:order", "sender": "auth.Usr"})
    no_model = "no observed model has this {}, and no event does.".format
    assert list(unmatched(filters)) == [
        f"Nothing can match --sender auth.Usr: {no_model('label')} Did you mean 'auth.User'?",
        f"Nothing is excluded by -model:Nope: {no_model('name')}",
        f"Nothing can match model:Usr: {no_model('name')} Did you mean 'User'?",
        "Nothing can match signal:post_sav: no recent event has it, and nothing makes one. Did you mean 'post_save'?",
    ]


def test_fields_that_no_model_has_are_told(log: dict[str, int], root: Client) -> None:
    """By themselves, with a value and in groups; a slip in a key is one too, and what an event has changed is there."""
    filters = Filters.parse({"q": "emial:x (modle:User OR email:a@x) -quux:", "field": "is_staf"})
    why = "no observed model has a field of this name, and no recent event does."
    assert set(unmatched(filters)) == {
        f"Nothing can match --field is_staf: {why} Did you mean 'is_staff'?",
        f"Nothing can match field:emial: {why} Did you mean 'email'?",
        f"Nothing can match field:modle: {why} Did you mean 'model'?",
        f"Nothing is excluded by -field:quux: {why}",
    }
    told = root.get("/events/", {"q": "emial:x", "format": "json"}).json()["unmatched"]
    assert told == [f"Nothing can match field:emial: {why} Did you mean 'email'?"]
    assert f"Nothing can match field:emial: {why}" in root.get("/events/?q=emial:x").content.decode()
    make_event(changes={"nickname": [None, "x"]})
    assert list(unmatched(Filters.parse({"q": "nickname:y groups: password:"}))) == []


def test_pages_tell_of_a_model_that_nothing_can_match(log: dict[str, int], root: Client) -> None:
    """The history in words, the live page from the history's answer; nothing is said where something may yet come."""
    why = "Nothing can match model:auth.Usr: no observed model has this label, and no event does."
    for query in ({"sender": "auth.Usr"}, {"q": "model:auth.Usr"}):
        page = root.get("/events/", query)
        assert f"{why} Did you mean &#x27;auth.User&#x27;?" in page.content.decode(), query
        told = root.get("/events/", {**query, "format": "json"}).json()["unmatched"]
        assert told == [f"{why} Did you mean 'auth.User'?"]
    for query in ({"q": "model:auth.User nobody-of-this-name"}, {"sender": "auth.User"}, {}):
        assert root.get("/events/", {**query, "format": "json"}).json()["unmatched"] == []
    assert "Nothing can match" not in root.get("/events/?q=nobody-of-this-name").content.decode()


def test_a_query_in_the_list_of_an_object_narrows_it(log: dict[str, int], root: Client) -> None:
    """As in the history."""
    for query, number in (("email:", 2), ("email: new:b@x", 1), ("since:now-1d -email:", 0)):
        page: Any = root.get("/objects/auth.User/77/", {"q": query})
        assert page.status_code == 200
        assert page.context["total"].number == number, query


def test_a_redaction_takes_keys_out_of_the_queries_of_shared_views() -> None:
    """Of an account that it erases, wherever in a query; names are masked as in any address."""
    quillon = User.objects.create_user("quillon")
    whom = find("auth.User", str(quillon.pk))
    query = f'!(actor:{quillon.pk} OR actor_pk:("{quillon.pk}" 9{quillon.pk})) x{quillon.pk} actor:quillon'
    kept = masked_query(f"since=5m&{urlencode({'q': query})}&actor={quillon.pk}", whom)
    sent = QueryDict(kept)
    assert sent["q"] == f"!(actor:{MASK} OR actor_pk:({MASK} 9{quillon.pk})) x{quillon.pk} actor:{MASK}"
    assert (sent["since"], sent["actor"]) == ("5m", MASK)
    assert masked_query("q=actor%3A+x&view=signals", whom) == "q=actor%3A+x&view=signals"
