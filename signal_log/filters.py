"""Filters for events, shared by the websocket, the pages and the commands.

``q`` is a query (``query_language``); several must all match, and have no more terms together than one may. Each other
key has a value that is a text or a list of texts, of which any may match. A text that begins with ``!`` excludes; as a
``q`` it excludes the whole query.
``sender``, ``signal``, ``outcome``, ``source`` and ``trace`` match whole, so that an index answers; so do ``actor_pk``
and ``actor_name``, and ``actor`` is either of the two; ``object`` matches ``app.Model/pk`` (a row, under whichever
label of its model, proxies, parents or children it was recorded), or else the key alone, or a part of the object's
text. ``field`` is the name of a field in ``changes``; ``old``, ``new`` and ``value`` (either) are a whole value there
(``meanings``), of the fields that ``field`` names if it names some; ``overwrote`` is the name of a field that was
overwritten unseen, or ``yes`` for any. ``took`` is a duration, ``>100ms`` or ``<2s``, which the database compares with
telemetry (``store.took``). All keys given must match.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from signal_log.amounts import parse_took
from signal_log.errors import FilterError
from signal_log.event import OUTCOMES
from signal_log.query_language import Node, Not, Parsed, Problem, Term, parse
from signal_log.query_language.keys import FIELD, OVERWROTE, PINNED, SIDES, TOOK
from signal_log.query_language.lifting import conjuncts, lift
from signal_log.query_language.matching import Condition, any_value, condition
from signal_log.query_language.messages import MOST_TERMS, NOT_HERE, NOT_OUTSIDE, TOO_MANY_TOGETHER, TWICE
from signal_log.query_language.nodes import all_of, none_of, terms
from signal_log.rows import spelled

QUERY: Final = "q"
KEYS: Final = (
    "sender", "signal", "actor", "actor_pk", "actor_name", "object", "outcome", "source", "trace",
    FIELD, *SIDES, OVERWROTE, TOOK, QUERY,
)  # fmt: skip
LONGEST_TEXT: Final = 500
MOST_VALUES: Final = 50


@dataclass(frozen=True, slots=True)
class Filters:
    """Parsed filters: the wanted and the excluded values for each key, and what of the queries these cannot say.

    ``since`` and ``until`` are moments in a query, as they were typed; ``asked`` is everything, as it was asked for.
    """

    wanted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    excluded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rest: Node | None = None
    since: str | None = None
    until: str | None = None
    earliest: str = ""
    latest: str = ""
    """Bounds on ``occurred_at``, for those who follow the log."""
    asked: Mapping[str, list[str]] = field(default_factory=dict, compare=False)
    _condition: Condition = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_condition", _compiled(self))

    @classmethod
    def parse(cls, given: Mapping[str, Any] | None) -> Filters:
        """Validate and normalise a client's filters; raises ``FilterError`` with the accepted keys."""
        wanted: dict[str, tuple[str, ...]] = {}
        excluded: dict[str, tuple[str, ...]] = {}
        asked: dict[str, list[str]] = {}
        queries = _Queries()
        if given is not None and not isinstance(given, Mapping):
            raise FilterError("Filters must be an object of texts or lists of texts.")
        for key, value in (given or {}).items():
            if key not in KEYS:
                raise FilterError(f"Unknown filter {str(key)[:50]!r}. Accepted: {', '.join(KEYS)}.")
            texts = list(_texts(key, value))
            if key == QUERY:
                for text in texts:
                    queries.add(text)
                asked |= {QUERY: texts} if texts else {}
                continue
            yes = tuple(t for t in texts if not t.startswith("!"))
            no = tuple(t[1:] for t in texts if t.startswith("!") and len(t) > 1)
            if yes:
                wanted[key] = yes
            if no:
                excluded[key] = no
            if yes or no:
                asked[key] = [*yes, *(f"!{text}" for text in no)]
        rest = all_of(lift(queries.nodes(), wanted, excluded))
        return cls(wanted, excluded, rest, queries.since, queries.until, asked=asked)

    def __bool__(self) -> bool:
        return bool(self.wanted or self.excluded or self.rest or self.earliest or self.latest)

    @property
    def identity(self) -> tuple[Any, ...]:
        """The same for filters that say the same, and hashable."""
        both = (tuple(sorted(part.items())) for part in (self.wanted, self.excluded))
        return (*both, self.rest, self.earliest, self.latest)

    @property
    def needs_times(self) -> bool:
        """Whether telemetry decides: what matches is known once a trace is over."""
        return self.asks(TOOK)

    def must_be_followed(self) -> Filters:
        """The filters of somebody who follows the log; raises ``FilterError`` for what only the past can answer."""
        if self.asks(PINNED):
            raise FilterError(NOT_HERE)
        return self

    @property
    def untimed(self) -> Filters:
        """The filters that an event itself answers."""
        return self.without((TOOK,)) if self.needs_times else self

    def asks(self, key: str) -> bool:
        """Whether a condition on this key is among the filters."""
        return key in self.wanted or key in self.excluded or any(term.key == key for term in terms(self.rest))

    def values(self, key: str) -> Iterator[tuple[str, bool]]:
        """Every value of this key that is asked for, wherever, and whether it is one of those that are excluded."""
        yield from ((text, False) for text in self.wanted.get(key, ()))
        yield from ((text, True) for text in self.excluded.get(key, ()))
        yield from _values(self.rest, key, excluded=False)

    def fields(self) -> Iterator[tuple[str, bool]]:
        """Every changed field that is named, alone or with a value, and whether it stands in what is excluded."""
        yield from self.values(FIELD)
        yield from _fields(self.rest, excluded=False)

    def without(self, keys: Container[str], *, but: str = "") -> Filters:
        """The filters but for conditions that name these keys, unless they also name the key ``but``."""
        wanted = {key: texts for key, texts in self.wanted.items() if key not in keys}
        excluded = {key: texts for key, texts in self.excluded.items() if key not in keys}
        named = [(node, {term.key for term in terms(node)}) for node in conjuncts(self.rest)]
        rest = all_of([node for node, names in named if but in names or not any(name in keys for name in names)])
        return Filters(wanted, excluded, rest, self.since, self.until, self.earliest, self.latest, self.asked)

    def within(self, earliest: str, latest: str) -> Filters:
        """The filters, and that an event occurred at the earliest and at the latest then, as events spell it."""
        return Filters(self.wanted, self.excluded, self.rest, self.since, self.until, earliest, latest, self.asked)

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether an event (a mapping by column name) matches; equivalent to the SQL in ``store.read``.

        An event alone has no times; whoever has read it with ``took`` in SQL asks the ``untimed`` filters.
        """
        return self._condition(event)


class _Queries:
    """The values of ``q``."""

    def __init__(self) -> None:
        self.since: str | None = None
        self.until: str | None = None
        self._nodes: list[Node] = []
        self._terms = 0

    def nodes(self) -> list[Node]:
        """What they ask for; all must match."""
        return self._nodes

    def add(self, text: str) -> None:
        """Read one; raises ``FilterError`` with its problems."""
        excludes = text.startswith("!")
        parsed = parse(text[1:]) if excludes else parse(text)
        if problems := [*parsed.problems, *self._clashes(parsed, text, excludes=excludes)]:
            moved = [Problem(one.at + excludes, one.length, one.message) for one in problems]
            raise FilterError(in_words(moved), text=text, places=moved)
        self.since, self.until = parsed.since or self.since, parsed.until or self.until
        if parsed.node is not None:
            self._nodes.append(none_of(parsed.node) if excludes else parsed.node)

    def _clashes(self, parsed: Parsed, text: str, *, excludes: bool) -> Iterator[Problem]:
        for key, now, then in (("since", parsed.since, self.since), ("until", parsed.until, self.until)):
            if now is not None and (excludes or then is not None):
                yield Problem(0, len(text) - excludes, NOT_OUTSIDE if excludes else TWICE.format(key=key))
        found = list(terms(parsed.node))
        if self._terms and len(found) > (left := max(0, MOST_TERMS - self._terms)):
            yield Problem(found[left].at, found[left].length, TOO_MANY_TOGETHER)
        self._terms += len(found)


def in_words(problems: Iterable[Problem]) -> str:
    """The problems of a query, each with its place, for those who cannot see it marked."""
    return " ".join(f"At character {one.at + 1}: {one.message}" for one in problems)


def _compiled(filters: Filters) -> Condition:
    """All of the filters as one function."""
    fields = filters.wanted.get(FIELD, ())
    yes = [any_value(key, texts, fields) for key, texts in filters.wanted.items()]
    no = [any_value(key, texts, fields) for key, texts in filters.excluded.items()]
    if filters.rest is not None:
        yes.append(condition(filters.rest))
    if earliest := filters.earliest:
        yes.append(lambda event: event["occurred_at"] >= earliest)
    if latest := filters.latest:
        yes.append(lambda event: event["occurred_at"] <= latest)
    if len(yes) == 1 and not no:
        return yes[0]

    def matches(event: Mapping[str, Any]) -> bool:
        for one in yes:
            if not one(event):
                return False
        return not any(one(event) for one in no)

    return matches


def _values(node: Node | None, key: str, *, excluded: bool) -> Iterator[tuple[str, bool]]:
    if isinstance(node, Term):
        if node.key == key:
            yield node.text, excluded
    elif isinstance(node, Not):
        yield from _values(node.node, key, excluded=not excluded)
    elif node is not None:
        for inner in node.nodes:
            yield from _values(inner, key, excluded=excluded)


def _fields(node: Node | None, *, excluded: bool) -> Iterator[tuple[str, bool]]:
    if isinstance(node, Term):
        yield from ((name, excluded) for name in node.fields)
    elif isinstance(node, Not):
        yield from _fields(node.node, excluded=not excluded)
    elif node is not None:
        for inner in node.nodes:
            yield from _fields(inner, excluded=excluded)


def _texts(key: str, value: Any) -> Iterator[str]:
    values = value if isinstance(value, (list, tuple)) else [value]
    if len(values) > MOST_VALUES:
        raise FilterError(f"Filter {key!r} has {len(values)} values; at most {MOST_VALUES} are taken.")
    for text in values:
        if not isinstance(text, str):
            raise FilterError(f"Filter {key!r} must be a text or a list of texts.")
        if key == QUERY:
            if text.strip() not in ("", "!"):
                yield text
            continue
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
