"""Whether an event matches a term or a whole query, as the SQL in ``store.read`` says it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from signal_log.query_language.keys import ANY, FIELD, MODEL, OVERWROTE, PINNED, TEXT, TOOK
from signal_log.query_language.nodes import And, Node, Not, Term
from signal_log.rows import is_of_a_model, labels_of_row

Event = Mapping[str, Any]
Condition = Callable[[Event], bool]

SEARCHED: Final = (
    "signal", "sender", "object_pk", "object_repr", "actor_repr", "caused_by", "error", "path", "source",
)  # fmt: skip
"""The text columns that a word is looked for in, in addition to the names and values in ``changes``."""
PLACES: Final[Mapping[str, tuple[int, ...]]] = {"old": (0,), "new": (1,), "value": (0, 1)}
"""The keys by value, with where in a change each of them looks."""


def condition(node: Node) -> Condition:
    """A query as a function, which is faster than to go through its tree for each event."""
    if isinstance(node, Term):
        return _term(node)
    if isinstance(node, Not):
        inner = condition(node.node)
        return lambda event: not inner(event)
    return together(all if isinstance(node, And) else any, node.nodes)


def together(all_or_any: Callable[[Iterable[bool]], bool], nodes: Iterable[Node]) -> Condition:
    """All of these, or any; the event's text is put together once for all words."""
    nodes = tuple(nodes)
    words = tuple(one.text.lower() for one in nodes if isinstance(one, Term) and one.key == TEXT)
    parts = [condition(one) for one in nodes if not (isinstance(one, Term) and one.key == TEXT)]
    if words:
        parts.append(lambda event: _holds(all_or_any, words, searched(event)))
    if len(parts) == 1:
        return parts[0]
    return lambda event: all_or_any(part(event) for part in parts)


def _holds(all_or_any: Callable[[Iterable[bool]], bool], words: Sequence[str], text: str) -> bool:
    return all_or_any(word in text for word in words)


def any_value(key: str, texts: Sequence[str], fields: Sequence[str] = ()) -> Condition:
    """Any of these values of one key."""
    if key in PLACES:
        wanted, places = [one for text in texts for one in meanings(text)], PLACES[key]
        return lambda event: is_changed_to(wanted, event["changes"], fields, places)
    return together(any, [Term(key, text) for text in texts])


def _term(term: Term) -> Condition:
    if term.key in PLACES:
        wanted, places, fields = meanings(term.text), PLACES[term.key], term.fields
        return lambda event: is_changed_to(wanted, event["changes"], fields, places)
    if term.key == TEXT:
        lower = term.text.lower()
        return lambda event: lower in searched(event)
    matches, text = MATCHERS[term.key], term.text
    return lambda event: matches(event, text)


def is_model(label: str, text: str) -> bool:
    """Whether this label is the one that was asked for, or of a model with that name, whatever the case."""
    label, text = label.lower(), text.lower()
    return label == text or ("." not in text and label.rpartition(".")[2] == text)


def meanings(text: str) -> list[str | int | bool | None]:
    """The JSON values that a text in a filter means: itself, and the number, truth value or null that it spells.

    A time may be written as pages show it, ``2026-11-22 09:42:00 UTC``.
    """
    found: list[str | int | bool | None] = [text]
    if _INTEGER.fullmatch(text):
        found.append(int(text))
    if text.lower() in _WORDS:
        found.append(_WORDS[text.lower()])
    if shown := _SHOWN_MOMENT.fullmatch(text):
        found += [f"{shown[1]}T{shown[2]}+00:00", f"{shown[1]}T{shown[2]}Z"]
    return found


_SHOWN_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) UTC", re.ASCII)
_INTEGER: Final = re.compile(r"-?[1-9][0-9]{0,15}|0")
_WORDS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None, "none": None}


def is_changed_to(wanted: Sequence[Any], changes: Any, fields: Sequence[str], places: Sequence[int]) -> bool:
    """Whether one of these values is on one side of the changes, or on both, of these fields or of all."""
    values = list(_changed_values(changes, fields, places))
    return any(_is_among(one, values) for one in wanted)


def _changed_values(changes: Any, fields: Sequence[str], places: Sequence[int]) -> Iterator[Any]:
    """The values on these sides; those in a list one by one."""
    for name, change in changes.items() if isinstance(changes, Mapping) else ():
        if isinstance(change, list) and (not fields or name in fields):
            for place in places:
                side = change[place] if place < len(change) else ()
                yield from side if isinstance(side, (list, tuple)) else (side,)


def _is_among(wanted: str | int | bool | None, values: Sequence[Any]) -> bool:
    return any(type(value) is type(wanted) and value == wanted for value in values)  # True is no 1


def searched(event: Event) -> str:
    """All that a word is looked for in, in lower case, parted by a character that no query holds."""
    return "\0".join([*(event[column] for column in SEARCHED), *_values_in(event["changes"])]).lower()


def _values_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _values_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _values_in(inner)
    elif value is not None:
        yield str(value)


def _whole(column: str) -> Callable[[Event, str], bool]:
    return lambda event, text: str(event[column]) == text


def _actor(event: Event, text: str) -> bool:
    return text in (event["actor_repr"], event["actor_pk"])


def _object(event: Event, text: str) -> bool:
    pk = event["object_pk"]
    label, _, key = text.partition("/")
    is_row = bool(key) and key == pk and event["sender"] in labels_of_row(label)
    if key and is_of_a_model(label):  # an index answers it
        return is_row
    return is_row or text == pk or text.lower() in event["object_repr"].lower()


def _overwrote(event: Event, text: str) -> bool:
    names = event["overwrote"]
    return isinstance(names, (list, tuple)) and (bool(names) if text == ANY else text in names)


MATCHERS: Final[Mapping[str, Callable[[Event, str], bool]]] = {
    MODEL: lambda event, text: is_model(event["sender"], text),
    "sender": _whole("sender"),
    "signal": _whole("signal"),
    "outcome": _whole("outcome"),
    "source": _whole("source"),
    "trace": _whole("trace_id"),
    "actor": _actor,
    "actor_pk": _whole("actor_pk"),
    "actor_name": _whole("actor_repr"),
    FIELD: lambda event, text: isinstance(event["changes"], Mapping) and text in event["changes"],
    OVERWROTE: _overwrote,
    TOOK: lambda _, __: False,
    PINNED: lambda _, __: False,
    "object": _object,
    TEXT: lambda event, text: text.lower() in searched(event),
}
"""Whether an event has one value of a key; an event alone has no times, and does not know that it is pinned."""
