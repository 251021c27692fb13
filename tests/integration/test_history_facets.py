"""The counts of a span by kind and by facet: operations, which add up, each once, and with bounded work."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from signal_log.show.query import counts, facets
from tests.factories import make_event
from tests.integration.test_history_counts import NAME, operation, totals

pytestmark = pytest.mark.django_db


def read(client: Client, **query: Any) -> dict[str, Any]:
    """Return the answer about this test's own events."""
    answer = client.get("/events/", {"format": "facets", "object": NAME, **query})
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    return dict(answer.json())


def values(answer: dict[str, Any], facet: str) -> dict[str, int]:
    """Return the values of a facet with their numbers, which are what their slots add up to."""
    found = answer["facets"][facet]["values"]
    assert [number for _, number, _ in found] == sorted((number for _, number, _ in found), reverse=True)
    assert all(number == sum(count for _, count in slots) for _, number, slots in found)
    return {value: number for value, number, _ in found}


def some_work() -> None:
    """Store seven operations: four of users, three of profiles; one failed, one was rolled back."""
    operation(created=True)
    operation(created=False, actor_repr="eve", actor_pk="9")
    operation(created=False, actor_repr="", actor_pk="12", source="command:tidy")
    operation("delete", created=None, sender="users.Profile")
    operation(created=True, outcome="rolled_back", sender="users.Profile")
    make_event(object_repr=NAME, signal="pre_save", created=None, position=1, outcome="failed")
    made = uuid.uuid4()
    for position, action in (1, "pre_add"), (2, "post_add"):
        make_event(
            object_repr=NAME, signal="m2m_changed", created=None, position=position, trace_id=made,
            sender="users.Profile", actor_repr="", actor_pk="", source="shell", origin={"action": action},
        )  # fmt: skip


def test_every_number_is_one_of_operations(mira: Client) -> None:
    """Chart and facets count the same seven operations; a signal counts with each operation that sent it."""
    some_work()
    answer = read(mira)
    assert totals(answer) == {"created": 1, "updated": 2, "deleted": 1, "undone": 1, "failed": 1, "other": 1}
    assert answer["total"] == 7
    assert answer["complete"]
    assert values(answer, "model") == {"auth.User": 4, "users.Profile": 3}
    assert values(answer, "outcome") == {"committed": 5, "failed": 1, "rolled_back": 1}
    assert values(answer, "source") == {"http": 5, "command:tidy": 1, "shell": 1}
    assert values(answer, "actor") == {"grace": 4, "eve": 1, "12": 1}
    assert values(answer, "signal") == {
        "pre_save": 5, "post_save": 4, "pre_delete": 1, "post_delete": 1, "m2m_changed": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("facet", "q", "total"),
    [
        ("model", "model:User", 4),
        ("model", "-model:User", 3),
        ("model", "model:(User OR shop.Order)", 4),
        ("signal", "signal:pre_save", 5),
        ("signal", "-signal:post_save", 7),
        ("signal", "signal:(pre_save OR post_delete)", 6),
        ("actor", "actor:12", 1),
        ("actor", "-actor_pk:9 -actor_name:grace", 2),
        ("outcome", "outcome:failed", 1),
        ("outcome", "-outcome:committed", 2),
        ("source", "source:shell", 1),
    ],
)
def test_a_facet_ignores_what_is_asked_of_itself(mira: Client, facet: str, q: str, total: int) -> None:
    """Its siblings keep their numbers, the others count what matches, and each number is what its value leaves."""
    some_work()
    whole, answer = read(mira), read(mira, q=q)
    assert answer["total"] == sum(totals(answer).values()) == total
    assert values(answer, facet) == values(whole, facet)
    for other in ("model", "outcome", "source"):
        if other != facet:
            assert sum(values(answer, other).values()) == total
            for value, number in values(answer, other).items():
                assert read(mira, q=f'{q} {other}:"{value}"')["total"] == number


def test_what_is_asked_of_several_keys_at_once_stays(mira: Client) -> None:
    """A condition that is not on one facet alone holds for all of them."""
    some_work()
    answer = read(mira, q="model:users.Profile OR actor:eve")
    assert answer["total"] == 4
    assert values(answer, "model") == {"users.Profile": 3, "auth.User": 1}


def test_the_client_counts_what_it_holds_and_the_server_the_rest(mira: Client) -> None:
    """From ``before`` on, matches are the client's; what fails a facet's own condition is counted all the same."""
    first = operation(created=True)
    held = operation(created=True, actor_repr="eve")
    operation(created=True, sender="shop.Order")
    answer = read(mira, before=held[1], q="model:auth.User")
    assert answer["total"] == 1
    assert values(answer, "model") == {"auth.User": 1, "shop.Order": 1}
    assert values(answer, "actor") == {"grace": 1}
    assert values(answer, "signal") == {"pre_save": 2, "post_save": 1}  # the pre signal below it is not held
    assert read(mira, before=first[0])["total"] == 0


@pytest.mark.parametrize("q", ["pinned:true", "took:>10h", "took:>10h OR pinned:true"])
@pytest.mark.parametrize("asked", [{"format": "facets"}, {"format": "values", "key": "field"}, {"format": "counts"}])
def test_a_query_that_nothing_can_match_is_answered(mira: Client, asked: dict[str, str], q: str) -> None:
    """Django makes no SQL of such a query, which here has to stand in another statement."""
    some_work()
    answer = mira.get("/events/", {**asked, "q": q})
    assert (answer.status_code, "users.Profile" in str(answer.json())) == (200, False)


def test_only_models_are_models(mira: Client) -> None:
    """A sender that is no model is not offered as one, though what it sent counts, as refused where it says so."""
    for sender in ("builtins.NoneType", "django.contrib.auth", "auth.User"):
        make_event(object_repr=NAME, signal="django.contrib.auth.signals.user_login_failed", sender=sender, position=1)
    for signal in ("axes.denied", "shop.signals.unfailed"):
        make_event(object_repr=NAME, signal=signal, sender="shop", position=1)
    make_event(object_repr=NAME, signal="a.failed", sender="shop", position=1, origin={"sent_by_hand": True})
    operation(created=True, sender="gone.Model")
    answer = read(mira)
    assert totals(answer) == {"created": 1, "refused": 4, "other": 2}
    assert answer["total"] == 7
    assert values(answer, "model") == {"auth.User": 1, "gone.Model": 1}


def test_a_span_of_time_is_parted_by_its_length(mira: Client) -> None:
    """Ten minutes are counted by the second, a day by five minutes; what is outside of the span is not counted."""
    now = datetime.now(UTC)
    for ago in (1, 30, 7_000, 80_000, 90_000):
        operation(created=True, occurred_at=now - timedelta(seconds=ago))
    recent = read(mira)
    assert (recent["step"], recent["grain"], recent["total"]) == (1, 10, 2)
    assert 600 <= (now - datetime.fromisoformat(recent["since"])).total_seconds() <= 611
    assert datetime.fromisoformat(recent["since"]).timestamp() % 10 == 0
    day = read(mira, since="now-1d")
    assert (day["step"], day["grain"], day["total"], day["complete"]) == (300, 1800, 4, True)
    assert all(row[0] % 300 == 0 for row in day["seconds"])
    past = read(mira, q="since:now-1d until:now-1h")
    assert (past["total"], past["until"] is not None) == (2, True)
    everything = read(mira, until="now")
    assert (everything["total"], everything["since"], everything["complete"]) == (5, None, True)


def test_the_whole_log_is_parted_by_its_own_length(mira: Client) -> None:
    """A span from before there was a log is as long as the log: its steps are not those of a century."""
    some_work()
    answer = read(mira, since="now-36500d")
    assert (answer["total"], answer["since"], answer["complete"]) == (7, None, True)
    assert answer["step"] == 1


def test_the_work_is_bounded_and_the_answer_says_of_how_many(mira: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than so many ids are counted, and none after the time is up; statements read a range of ids or a row."""
    for _ in range(6):
        operation(created=True)
    monkeypatch.setattr(counts, "MAX_IDS", 4)
    answer = read(mira)
    assert (answer["total"], answer["complete"], answer["newest"]) == (2, False, 4)
    assert values(answer, "model") == {"auth.User": 2}
    monkeypatch.setattr(counts, "MAX_IDS", 1_000)
    monkeypatch.setattr(counts, "WINDOW", 2)
    with CaptureQueriesContext(connection) as queries:
        assert read(mira, q="-model:users.Profile")["total"] == 6
    for query in queries:
        if "signal_log_signalevent" in query["sql"]:
            assert "LIMIT 1" in query["sql"] or ('"id" >=' in query["sql"] and '"id" <' in query["sql"]), query["sql"]
    monkeypatch.setattr(counts, "SECONDS", 0)
    answer = read(mira)
    assert (answer["total"], answer["complete"], answer["newest"]) == (1, False, 2)


def test_of_many_values_the_most_frequent_are_told(mira: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how many others there are."""
    for actor in ("a", "b", "b", "c", "c", "c"):
        operation(created=True, actor_repr=actor)
    monkeypatch.setattr(facets, "MOST", 2)
    answer = read(mira)
    assert values(answer, "actor") == {"c": 3, "b": 2}
    assert answer["facets"]["actor"]["more"] == 1


@pytest.mark.parametrize("key", ["after", "before", "since", "q", "colour"])
def test_unsupported_keys_are_named(mira: Client, key: str) -> None:
    """The answer is a 400 with a sentence for the key."""
    answer = mira.get(
        "/events/", {"format": "facets", key: "x:" if key == "q" else "x"} | ({"q": "("} if key == "q" else {})
    )
    assert answer.status_code == 400
    assert list(answer.json()["problems"]) == [key]


def test_the_history_counts_what_it_lists(mira: Client) -> None:
    """Above a list of operations stands how many these are, and signals where every signal is listed."""
    some_work()
    for query, said, rows in (("", "7 operations match", 7), ("&every=1", "13 signals match", 13)):
        page = mira.get(f"/events/?object={NAME}{query}").content.decode()
        assert said in page
        assert page.count('<td class="t">') == rows
