"""Filters mean the same in SQL as in Python, so the history and the live page agree."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from django.db import connection

from signal_log.filters import SIDES, Filters
from signal_log.store import few
from signal_log.store.read import as_mapping, events, filtered
from signal_log.store.span import selected
from tests.factories import make_event
from tests.vectors import tables
from tests.vectors.filter_cases import EVENTS, TRACE
from tests.vectors.random_events import random_event


@pytest.fixture
def log(db: None) -> list[int]:
    """Create the events of the table, which differ in everything that can be filtered by, and return their ids."""
    return [make_event(**event).pk for event in EVENTS]


@pytest.mark.parametrize("case", tables.read("filters"), ids=lambda case: case["query"][:40])
def test_sql_and_python_agree(log: list[int], case: dict[str, Any]) -> None:
    """SQL and Python both let through exactly the events that the table names."""
    filters = Filters.parse(case["wire"])
    wanted = {log[place] for place in case["passes"]}
    assert {event.pk for event in filtered(events(), filters)} == wanted
    assert {event.pk for event in events() if filters.matches(as_mapping(event))} == wanted


def test_a_trace_may_be_written_in_capitals(log: list[int]) -> None:
    """A trace is a UUID, however it is spelled."""
    filters = Filters.parse({"trace": "!" + TRACE.upper()})
    assert {event.pk for event in filtered(events(), filters)} == {pk for pk in log if pk != log[3]}


@pytest.mark.django_db
def test_what_was_changed_means_the_same_however_odd_the_values() -> None:
    """Random changes, asked for each field and value that they have: SQL finds what Python finds."""
    dice = Random(14)
    made = [_stored(dice) for _ in range(60)]
    names = sorted({name for event in made for name in event["changes"] if "\x00" not in name})
    values = sorted({text for event in made for text in _texts(event["changes"])})
    asked = [{"field": [name]} for name in dice.sample(names, 12)]
    asked += [{"overwrote": [name, "!bio"]} for name in ("yes", *dice.sample(names, 6))]
    for text in ("null", "true", "0", "1", *dice.sample(values, 12)):
        sides = {key: [dice.choice(["", "!"]) + text] for key in dice.sample(sorted(SIDES), dice.choice([1, 1, 2]))}
        asked.append(sides | ({"field": dice.sample(names, 3)} if dice.random() < 0.3 else {}))
    found = 0
    for wire in asked:
        filters = Filters.parse(wire)
        matching = {event["id"] for event in made if filters.matches(event)}
        assert set(filtered(events(), filters).values_list("pk", flat=True)) == matching, wire
        assert set(selected(filters, None, None)[0].values_list("pk", flat=True)) == matching, wire
        found += 0 < len(matching) < len(made)
    assert found > 15  # most of them tell some from others


@pytest.mark.parametrize("key", few.INDEXED)
def test_few_events_are_found_without_windows(log: list[int], key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an index has few of is looked up at once, wherever it is in the log; what it has many of is searched for."""
    rare = {"object": "shop.Book/9", "sender": "shop.Book", "field": "bio", "overwrote": "stock"}
    text = (rare | {"outcome": "rolled_back", "signal": "m2m_changed"}).get(key, "8")
    filters = Filters.parse({key: text, "q": "!nowhere"})
    found, span = selected(filters, None, None)
    has_index = key != "field" or connection.vendor == "postgresql"
    assert span.scan == (not has_index)
    assert {event.pk for event in found} == {pk for pk in log if filters.matches(as_mapping(events().get(pk=pk)))}
    monkeypatch.setattr(few, "FEW", 0)
    assert selected(filters, None, None)[1].scan
    assert few.few_matching(Filters.parse({"object": "by somebody", "source": "http"})) is None


def _stored(dice: Random) -> dict[str, Any]:
    while True:  # of values that a database takes
        event = random_event(dice)
        changes, overwrote = event["changes"], event["overwrote"]
        if isinstance(changes, dict) and not any(bad in repr((changes, overwrote)) for bad in ("\\x00", "\\ud")):
            return as_mapping(make_event(changes=changes, overwrote=overwrote))


def _texts(changes: dict[str, Any]) -> Iterator[str]:
    for change in changes.values():
        for side in change if isinstance(change, list) else ():
            for one in side if isinstance(side, list) else (side,):
                text = "" if isinstance(one, dict | list) else str(one)
                if text.strip("!") and len(text) <= 500:
                    yield text.removeprefix("!")


@pytest.mark.django_db
def test_what_is_copied_from_a_page_is_found() -> None:
    """A time as pages show it, and a model in other capitals."""
    stored = ("2026-11-28T22:56:37.971300+00:00", "2026-11-28T22:56:37.971300Z")
    for moment in stored:
        make_event(sender="auth.User", changes={"last_login": [None, moment]})
    for wire in ({"new": "2026-11-28 22:56:37.971300 UTC"}, {"sender": "auth.user"}, {"sender": "!AUTH.GROUP"}):
        filters = Filters.parse(wire)
        assert filtered(events(), filters).count() == len(stored), wire
        assert all(filters.matches(as_mapping(event)) for event in events())
    assert not filtered(events(), Filters.parse({"sender": "!auth.USER"})).exists()
    assert Filters.parse({"sender": "no.such"}).wanted["sender"] == ("no.such",)
