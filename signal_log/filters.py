"""Filters for events, shared by the websocket, the pages and the commands.

A filter's value is a text or a list of texts, of which any may match; a text that begins with ``!``
excludes. ``sender``, ``signal``, ``outcome``, ``source`` and ``trace`` match whole, so that an index
answers; so do ``actor_pk`` and ``actor_name``, and ``actor`` is either of the two; ``object`` matches
``app.Model/pk`` (a row, under whichever label of its model, proxies, parents or children it was recorded), or else
the key alone, or a part of the object's text; ``q`` matches a part of anything a person reads in the row,
whatever its case. ``field`` is the name of a field in ``changes``; ``old``, ``new`` and ``value`` (either) are a whole
value there (``meanings``), of the fields that ``field`` names if it names some; ``overwrote`` is the name of a field
that was overwritten unseen, or ``yes`` for any. ``took`` is a duration, ``>100ms`` or ``<2s``, which the database
compares with telemetry (``store.took``). All keys given must match.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from signal_log.amounts import parse_took
from signal_log.errors import FilterError
from signal_log.event import OUTCOMES
from signal_log.rows import is_of_a_model, labels_of_row, spelled

TOOK: Final = "took"
FIELD: Final = "field"
OVERWROTE: Final = "overwrote"
ANY: Final = "yes"
"""As the value of ``overwrote``: any field."""
SIDES: Final[Mapping[str, tuple[int, ...]]] = {"old": (0,), "new": (1,), "value": (0, 1)}
"""The filters by value, with where in a change each of them looks."""
KEYS: Final = (
    "sender", "signal", "actor", "actor_pk", "actor_name", "object", "outcome", "source", "trace",
    FIELD, *SIDES, OVERWROTE, TOOK, "q",
)  # fmt: skip
LONGEST_TEXT: Final = 500
MOST_VALUES: Final = 50

SEARCHED: Final = (
    "signal", "sender", "object_pk", "object_repr", "actor_repr", "caused_by", "error", "path", "source",
)  # fmt: skip
"""The text columns that ``q`` searches, in addition to the names and values in ``changes``."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Parsed filters: the wanted and the excluded values for each key."""

    wanted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    excluded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, given: Mapping[str, Any] | None) -> Filters:
        """Validate and normalise a client's filters; raises ``FilterError`` with the accepted keys."""
        wanted: dict[str, tuple[str, ...]] = {}
        excluded: dict[str, tuple[str, ...]] = {}
        if given is not None and not isinstance(given, Mapping):
            raise FilterError("Filters must be an object of texts or lists of texts.")
        for key, value in (given or {}).items():
            if key not in KEYS:
                raise FilterError(f"Unknown filter {str(key)[:50]!r}. Accepted: {', '.join(KEYS)}.")
            texts = list(_texts(key, value))
            yes = tuple(t for t in texts if not t.startswith("!"))
            no = tuple(t[1:] for t in texts if t.startswith("!") and len(t) > 1)
            if yes:
                wanted[key] = yes
            if no:
                excluded[key] = no
        return cls(wanted, excluded)

    def __bool__(self) -> bool:
        return bool(self.wanted or self.excluded)

    @property
    def needs_times(self) -> bool:
        """Whether telemetry decides: what matches is known once a trace is over."""
        return TOOK in self.wanted or TOOK in self.excluded

    @property
    def untimed(self) -> Filters:
        """The filters that an event itself answers."""
        return self.without((TOOK,)) if self.needs_times else self

    def without(self, keys: Container[str]) -> Filters:
        """The filters but for these keys."""
        wanted = {key: texts for key, texts in self.wanted.items() if key not in keys}
        return Filters(wanted, {key: texts for key, texts in self.excluded.items() if key not in keys})

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether an event (a mapping by column name) matches; equivalent to the SQL in ``store.read``.

        An event alone has no times; whoever has read it with ``took`` in SQL asks the ``untimed`` filters.
        """
        fields = self.wanted.get(FIELD, ())
        return all(_any_matches(key, texts, event, fields) for key, texts in self.wanted.items()) and not any(
            _any_matches(key, texts, event, fields) for key, texts in self.excluded.items()
        )


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


def _texts(key: str, value: Any) -> Iterator[str]:
    values = value if isinstance(value, (list, tuple)) else [value]
    if len(values) > MOST_VALUES:
        raise FilterError(f"Filter {key!r} has {len(values)} values; at most {MOST_VALUES} are taken.")
    for text in values:
        if not isinstance(text, str):
            raise FilterError(f"Filter {key!r} must be a text or a list of texts.")
        if len(text) > LONGEST_TEXT:
            raise FilterError(f"Filter {key!r} is longer than {LONGEST_TEXT} characters.")
        if "\x00" in text:  # PostgreSQL rejects it in queries
            raise FilterError(f"Filter {key!r} holds a NUL character.")
        bare = text.removeprefix("!")
        if key == "trace" and bare and not _is_uuid(bare):
            raise FilterError(f"Filter 'trace' must be a UUID, not {bare[:50]!r}.")
        if key == TOOK and bare:
            parse_took(TOOK, bare)
        if key == "outcome" and bare and bare not in OUTCOMES:
            raise FilterError(f"Filter 'outcome' must be one of {', '.join(OUTCOMES)}, not {bare[:50]!r}.")
        if text:
            said = _SAID_OTHERWISE[key](bare) if key in _SAID_OTHERWISE and bare else bare
            yield text.removesuffix(bare) + said


_SAID_OTHERWISE: Final[Mapping[str, Callable[[str], str]]] = {
    "trace": lambda text: str(uuid.UUID(text)), "sender": spelled,
}  # fmt: skip
"""How events have what may be written in other ways."""


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _whole(column: str) -> Callable[[Mapping[str, Any], str], bool]:
    return lambda event, text: str(event[column]) == text


def _actor(event: Mapping[str, Any], text: str) -> bool:
    return text in (event["actor_repr"], event["actor_pk"])


def _object(event: Mapping[str, Any], text: str) -> bool:
    pk = event["object_pk"]
    label, _, key = text.partition("/")
    is_row = bool(key) and key == pk and event["sender"] in labels_of_row(label)
    if key and is_of_a_model(label):  # an index answers it
        return is_row
    return is_row or text == pk or text.lower() in event["object_repr"].lower()


def _any_matches(key: str, texts: Sequence[str], event: Mapping[str, Any], fields: Sequence[str]) -> bool:
    if key == "q":  # the event's text is put together once for all values
        searched = _searched(event)
        return any(text.lower() in searched for text in texts)
    if key in SIDES:
        values = list(_changed_values(event["changes"], fields, SIDES[key]))
        return any(_is_among(wanted, values) for text in texts for wanted in meanings(text))
    return any(MATCHERS[key](event, text) for text in texts)


def _searched(event: Mapping[str, Any]) -> str:
    """All that ``q`` searches, in lower case, parted by a character that no filter holds."""
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


def _changed_values(changes: Any, fields: Sequence[str], places: Sequence[int]) -> Iterator[Any]:
    """The values on one side of the changes, or on both, of these fields or of all; those in a list one by one."""
    for name, change in changes.items() if isinstance(changes, Mapping) else ():
        if isinstance(change, list) and (not fields or name in fields):
            for place in places:
                side = change[place] if place < len(change) else ()
                yield from side if isinstance(side, (list, tuple)) else (side,)


def _is_among(wanted: str | int | bool | None, values: Sequence[Any]) -> bool:
    return any(type(value) is type(wanted) and value == wanted for value in values)  # True is no 1


def _overwrote(event: Mapping[str, Any], text: str) -> bool:
    names = event["overwrote"]
    return isinstance(names, (list, tuple)) and (bool(names) if text == ANY else text in names)


MATCHERS: Final[dict[str, Callable[[Mapping[str, Any], str], bool]]] = {
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
    "object": _object,
    "q": lambda event, text: text.lower() in _searched(event),
}
