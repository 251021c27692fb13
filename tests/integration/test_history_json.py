"""The history as JSON, which the live page reads when its reader scrolls back in time."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from signal_log.models import SignalEvent
from signal_log.show.query import paging
from signal_log.store import span
from signal_log.store.read import as_mapping
from tests.factories import make_event

pytestmark = pytest.mark.django_db


def read(client: Client, **query: Any) -> dict[str, Any]:
    """Return the answer to a query."""
    answer = client.get("/events/", {"format": "json", **query})
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    return dict(answer.json())


def test_walking_back_meets_each_signal_once_down_to_the_beginning(mira: Client) -> None:
    """Pages of any size join without gaps or repeats, pre signals included."""
    make_event(signal="pre_save", created=None)
    whole = list(SignalEvent.objects.order_by("-pk").values_list("pk", flat=True))
    assert len(whole) > 7
    seen: list[int] = []
    place: dict[str, int] = {}
    while True:
        page = read(mira, size=3, **place)
        seen += [event["id"] for event in page["events"]]
        if page["older"] is None:
            break
        place = {"before": page["older"]}
    assert seen == whole


def test_an_event_is_the_same_as_on_the_websocket(mira: Client) -> None:
    """Every column equals that of the websocket."""
    event = make_event(changes={"name": ["<b>\u202e", "x"]})
    found = read(mira, object="ada")["events"][0]
    assert found == as_mapping(event)


def test_filters_and_times_are_those_of_the_page(mira: Client) -> None:
    """`since` and `until` come back as they were parsed, so that the page need not guess the time zone."""
    make_event(object_repr="needle")
    page = read(mira, q="needle", since="2020-01-01 00:00", until="2100-01-01T00:00:00+02:00")
    assert [event["object_repr"] for event in page["events"]] == ["needle"]
    assert page["since"] == "2020-01-01T00:00:00.000000Z"
    assert page["until"] == "2099-12-31T22:00:00.000000Z"
    assert read(mira, until="2020-01-01")["events"] == []


def test_newer_events_can_be_asked_for(mira: Client) -> None:
    """The newer events nearest to an event are returned, up to the page's size."""
    first = make_event()
    later = [make_event().pk for _ in range(4)]
    page = read(mira, after=first.pk, size=2)
    assert [event["id"] for event in page["events"]] == [later[1], later[0]]


def test_who_asks_again_after_the_head_misses_nothing(mira: Client) -> None:
    """`head` is the log's highest id, whatever the filters match; going back in time needs none."""
    make_event(sender="shop.Item")
    head = SignalEvent.objects.order_by("-pk")[0].pk
    page = read(mira, sender="no.Such")
    assert (page["events"], page["head"]) == ([], head)
    page = read(mira, after=head)
    assert (page["events"], page["head"], page["newer"]) == ([], head, None)
    assert read(mira, before=head)["head"] is None
    new = [make_event().pk for _ in range(3)]
    page = read(mira, after=head, size=2)
    assert (page["head"], page["newer"]) == (new[2], new[1])
    assert [event["id"] for event in page["events"]] == [new[1], new[0]]


def test_a_search_out_of_time_says_how_far_it_came(mira: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer says how far the search got, so that the page can say so and continue from there."""
    monkeypatch.setattr(paging, "SECONDS", 0.0)
    monkeypatch.setattr(span, "FIRST_WINDOW", 2)
    oldest = SignalEvent.objects.order_by("pk")[0]
    page = read(mira, q="no row holds this")
    assert page["events"] == []
    assert page["searched_to"] == page["older"] > oldest.pk


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ({"size": "0"}, "size"),
        ({"size": "1001"}, "size"),
        ({"size": "9" * 5000}, "size"),
        ({"before": "x"}, "before"),
        ({"since": "yesterday"}, "since"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_invalid_input_is_named(mira: Client, query: dict[str, str], key: str) -> None:
    """The answer is a 400 with a sentence for each key."""
    answer = mira.get("/events/", {"format": "json", **query})
    assert answer.status_code == 400
    assert list(answer.json()["problems"]) == [key]
