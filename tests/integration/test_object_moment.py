"""The state of a row at a moment is the same however many events it has, or the page says how far was looked back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from signal_log.show.query import paging
from signal_log.show.story import moment
from signal_log.show.story.moment import state_of
from signal_log.show.words.state import State
from signal_log.store.read import events
from signal_log.store.span import Span, span_of
from tests.factories import make_event
from tests.shop.models import Item

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 1, tzinfo=UTC)


def story() -> None:
    """A row's life: made, changed, sent by hand, deleted, made again, told of by a baseline, changed."""
    whole = {field.name: [None, "x"] for field in Item._meta.concrete_fields}
    told: list[dict[str, Any]] = [
        {"changes": {"weight": ["a", "b"]}},
        {"created": True, "changes": whole},
        {"changes": {"price": ["x", "2"]}},
        *({"changes": {"stock": [str(at), str(at + 1)]}} for at in range(7)),
        {"changes": {"name": ["x", "lamp"]}, "origin": {"sent_by_hand": True}},
        {"changes": {"name": ["y", "lantern"], "stock": ["7", "8"]}},
        {"signal": "post_delete", "changes": {"stock": ["8", None]}},
        {"created": True, "changes": {"stock": [None, "1"]}},
        {"changes": {"tags": ["old", "new"]}},
        {"signal": "signal_log.baseline", "created": None, "changes": whole},
        *({"changes": {"stock": [str(at), str(at + 1)]}} for at in range(7)),
        {"changes": {"price": ["x", "3"]}, "outcome": "rolled_back"},
        {"changes": {"price": ["x", "4"]}},
    ]
    for number, fields in enumerate(told):
        make_event(sender="shop.Item", object_pk="5", occurred_at=START + timedelta(minutes=number), **fields)


def told_by(state: State) -> list[Any]:
    return [state.presence, [(k.name, k.value and k.value.text, k.event, k.later, k.found) for k in state.fields]]


def test_a_row_with_many_events_has_the_state_that_one_with_few_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """At every moment: those that are read are not all, and are enough."""
    story()
    recorded = events().filter(sender="shop.Item", object_pk="5")
    monkeypatch.setattr(moment, "NEAR", 2)
    for number in range(-1, 27):
        at = START + timedelta(minutes=number, seconds=1)
        few = state_of(recorded, Span(), "shop.Item", at)
        many = state_of(recorded, span_of(None, None, scan=True), "shop.Item", at)
        assert told_by(many) == told_by(few), number
        assert few.looked_back_to is many.looked_back_to is None


def test_a_row_with_too_many_is_looked_back_for_a_moment_and_that_is_said(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page names the event up to which was looked back."""
    story()
    for name, value in (("MOST", 3), ("SECONDS", -1.0), ("AT_ONCE", 2)):
        monkeypatch.setattr(moment, name, value)
    monkeypatch.setattr(paging, "TOO_MANY_TO_SORT", 3)
    response = root.get("/objects/shop.Item/5/", {"at": (START + timedelta(days=1)).isoformat()})
    reached = response.context["state"].looked_back_to
    assert reached
    assert f"Looked back to event {reached}" in response.content.decode()
    assert "not in the events that were looked at" in response.content.decode()


def test_of_a_row_whose_many_events_are_all_old_only_those_ids_are_looked_at(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its page is the same; a row that was written lately is read from the newest event on, as ever."""
    story()
    recorded = events().filter(sender="shop.Item", object_pk="5")
    ids = sorted(recorded.values_list("pk", flat=True))
    for _ in range(4):
        make_event(sender="shop.Item", object_pk="6")
    plain = [line.event.pk for line in root.get("/objects/shop.Item/5/").context["parts"][0].lines]
    monkeypatch.setattr(paging, "TOO_MANY_TO_SORT", 3)
    newest = events().latest("pk").pk
    assert paging.span_for(recorded).high == newest
    monkeypatch.setattr(paging, "FIRST_WINDOW", 2)
    assert paging.span_for(recorded) == Span(ids[0], ids[-1], scan=True)
    assert [line.event.pk for line in root.get("/objects/shop.Item/5/").context["parts"][0].lines] == plain
    monkeypatch.setattr(paging, "TOO_MANY_TO_BOUND", 3)
    assert paging.span_for(recorded).high == newest
