"""Filters mean the same in SQL as in Python, so the history and the live page agree."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Final

import pytest
from django.db import connection

from signal_log.filters import Filters
from signal_log.query_language import And, Node, Or, Term, parse, write
from signal_log.query_language.keys import SIDES
from signal_log.query_language.matching import condition
from signal_log.query_language.nodes import none_of
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


@pytest.mark.django_db
def test_the_events_of_a_table_of_queries_are_found() -> None:
    """SQL finds what the table says that queries match."""
    cases = tables.read("query_matches")
    made: dict[str, int] = {}
    for case in cases:
        named = str(case["event"])
        made[named] = made.get(named) or make_event(**case["event"]).pk
        found = filtered(events(), Filters.parse({"q": case["query"]})).filter(pk=made[named])
        assert found.exists() == case["matches"], case["query"]


@pytest.mark.parametrize("key", few.INDEXED)
def test_few_events_are_found_without_windows(log: list[int], key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an index has few of is looked up at once, wherever it is in the log; what it has many of is searched for."""
    rare = {"object": "shop.Book/9", "sender": "shop.Book", "model": "book", "field": "bio", "overwrote": "stock"}
    text = (rare | {"outcome": "rolled_back", "signal": "m2m_changed"}).get(key, "8")
    asked = {key: text} if key != "model" else {}
    filters = Filters.parse(asked | {"q": ["!nowhere", f"-nowhere {key}:{text}" if key != "sender" else "-nowhere"]})
    found, span = selected(filters, None, None)
    has_index = key != "field" or connection.vendor == "postgresql"
    assert span.scan == (not has_index)
    assert {event.pk for event in found} == {pk for pk in log if filters.matches(as_mapping(events().get(pk=pk)))}
    monkeypatch.setattr(few, "FEW", 0)
    assert selected(filters, None, None)[1].scan
    assert few.few_matching(Filters.parse({"object": "by somebody", "source": "http"})) == (None, None)


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


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("object:shop.Book/9", "object"),
        ("dune model:BOOK object_pk:9 OR x", ""),
        ("dune (model:shop.Book) -source:shell", "model"),
        ("model:Book actor_pk:7", "actor_pk"),
        ("(model:Book OR model:Profile) -dune", "model"),
        ("stock:42", "field"),
        ("stock: old:42 new:null", "field"),
        ("outcome:(rolled_back OR failed) bio: OR dune", ""),
        ("outcome:(rolled_back OR failed) (bio: OR dune)", "outcome"),
        (f"trace:{TRACE}", "trace"),
    ],
)
def test_an_index_answers_what_a_query_names(log: list[int], query: str, key: str) -> None:
    """A condition that all must match is looked up by its index; the rest is asked of what that finds."""
    filters = Filters.parse({"q": query})
    found, span = selected(filters, None, None)
    has_index = bool(key) and (key != "field" or connection.vendor == "postgresql")
    assert (key in filters.wanted) == bool(key)
    assert span.scan == (not has_index)
    assert {event.pk for event in found} == {pk for pk in log if filters.matches(as_mapping(events().get(pk=pk)))}


@pytest.mark.django_db
def test_queries_mean_the_same_however_they_are_made_up() -> None:
    """Random queries about random events: SQL finds what Python finds, by an index or not, beside old filters, too."""
    dice = Random(15)
    made = [as_mapping(make_event(**{**dice.choice(EVENTS), **_odd_event(dice)})) for _ in range(60)]
    told_apart = 0
    for _ in range(250):
        node = _node(dice, made, 3)
        queries = [write(node), write(_node(dice, made, 1))][: 1 + (dice.random() < 0.3)]
        old = {dice.choice(["actor", "sender", "value"]): [dice.choice(["8", "!8", "auth.User", "x", "!x"])]}
        old = old if dice.random() < 0.3 else {}
        if any(len(query) > 500 for query in queries):
            continue
        wire = {"q": queries} | old
        filters = Filters.parse(wire)
        each = [Filters.parse(old).matches, *(condition(found) for query in queries if (found := parse(query).node))]
        assert [all(one(event) for one in each) for event in made] == [filters.matches(event) for event in made], wire
        matching = {event["id"] for event in made if filters.matches(event)}
        assert set(filtered(events(), filters).values_list("pk", flat=True)) == matching, (wire, filters)
        assert set(selected(filters, None, None)[0].values_list("pk", flat=True)) == matching, (wire, filters)
        told_apart += 0 < len(matching) < len(made)
    assert told_apart > 80


WORDS: Final = (
    "ada", "GRACE", "größe", "Größe", "\U0001f388", "\u202eturned", "null", "true", "42", "n", "u00", ",", "[", '"',
    "\\", '"x', "100%", "_", "a_b", "-10", "", "{", ": ", "x, y",
)  # fmt: skip


def _odd_event(dice: Random) -> dict[str, Any]:
    """What the table's events have few of."""
    side = lambda: dice.choice([*WORDS, None, True, 42, ["x", 42], {"x": "ada\n"}, []])  # noqa: E731
    changes = {
        dice.choice(["bio", "stock", "größe", "odd name", "x"]): [side(), side()] for _ in range(dice.randrange(3))
    }
    odd = {"object_repr": dice.choice(WORDS), "changes": changes, "overwrote": dice.choice([None, [], ["bio"]])}
    return odd | {"sender": dice.choice(["auth.User", "shop.Book", "old.User", "Bare"])}


def _node(dice: Random, made: list[dict[str, Any]], depth: int) -> Node:
    kind = dice.choice(["and", "or", "not", "term", "term"]) if depth else "term"
    if kind == "not":
        return none_of(_node(dice, made, depth - 1))
    if kind == "term":
        return _term(dice, dice.choice(made))
    some = tuple(_node(dice, made, depth - 1) for _ in range(dice.choice([2, 2, 3])))
    return And(some) if kind == "and" else Or(some)


def _term(dice: Random, event: dict[str, Any]) -> Term:
    """A condition that this event matches, often."""
    name = dice.choice([*event["changes"], "bio"])
    sides = [str(one) for one in event["changes"].get(name, ["x"]) if not isinstance(one, dict | list)]
    own = {
        "model": dice.choice([event["sender"].upper(), event["sender"].rpartition(".")[2], "no"]),
        "signal": event["signal"],
        "actor": dice.choice([event["actor_repr"], event["actor_pk"]]),
        "actor_pk": event["actor_pk"],
        "actor_name": event["actor_repr"],
        "object": dice.choice([event["object_pk"], event["object_repr"], f"{event['sender']}/{event['object_pk']}"]),
        "outcome": event["outcome"],
        "source": event["source"],
        "trace": event["trace_id"],
        "field": name,
        "old": dice.choice([*sides, "x"]),
        "new": dice.choice([*sides, "42"]),
        "value": dice.choice([*sides, "null"]),
        "overwrote": dice.choice(["yes", "bio", "stock"]),
        "took": ">1ms",
        "text": dice.choice(WORDS),
    }
    key = dice.choice([*own, "text", "field", "value"])
    fields = (name,) if key == "value" and dice.random() < 0.5 else ()
    return Term(key, own[key] or "x", fields)


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
