"""Parses the history's query string: filters, a time range, a position, and any problems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.http import QueryDict

from signal_log import clock, query_language
from signal_log.errors import FilterError
from signal_log.filters import KEYS, QUERY, Filters
from signal_log.moments import check_order, earliest, is_moving, latest, parse_moment
from signal_log.seal.canonical import timestamp
from signal_log.show.links import with_query
from signal_log.show.query.pills import NAMES, Part, parts
from signal_log.show.words.text import one_line

FIELDS: Final = (
    "sender", "signal", "actor", "object", "outcome", "source", "field", "old", "new", "value",
    "overwrote", "took", "q",
)  # fmt: skip
"""The filters that the history's form has a field for."""
PLACES: Final = ("before", "after")
MOMENTS: Final = ("since", "until")
EVERY: Final = "every"
LARGEST_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Pill:
    """An active filter, and the URL without it."""

    name: str
    value: str
    excluded: bool
    without: str


@dataclass(slots=True)
class Query:
    """A parsed query string; ``problems`` maps keys that are invalid to messages.

    ``places`` has those of ``q`` one by one, as JSON, with where in which text they are.
    """

    given: dict[str, list[str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    places: list[dict[str, Any]] = field(default_factory=list)
    filters: Filters = field(default_factory=Filters)
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    after: int | None = None
    every: bool = False

    @property
    def is_narrowed(self) -> bool:
        """Whether anything other than the position is given."""
        return bool(self.filters) or self.since is not None or self.until is not None

    @property
    def names_signals(self) -> bool:
        """Whether signals are asked for, which are told each by itself then."""
        return any(not excluded for _, excluded in self.filters.values("signal"))

    @property
    def refusal(self) -> dict[str, Any]:
        """What is wrong with it, for programs."""
        return {"problems": self.problems, **({"places": self.places} if self.places else {})}

    def one(self, key: str) -> str:
        """The form's value for a key: its single value, unless it is an exclusion that the form has no way to type."""
        values = self.given.get(key, [])
        return values[0] if len(values) == 1 and (key == QUERY or not values[0].startswith("!")) else ""

    def hidden(self) -> Iterator[tuple[str, str]]:
        """Values that the form carries as hidden inputs: several for a key, exclusions, and keys without a field."""
        for key in KEYS:
            if key not in FIELDS or not self.one(key):
                yield from ((key, value) for value in self.given.get(key, []))

    def link(self, path: str, **changed: str | list[str] | None) -> str:
        """The URL of the first page, with values replaced (None: removed)."""
        query = {key: values for key, values in self.given.items() if key not in (*changed, *PLACES)}
        query |= {
            key: value if isinstance(value, list) else [value] for key, value in changed.items() if value is not None
        }
        return with_query(path, query)

    @property
    def typed(self) -> dict[str, str]:
        """The moments as they were typed, also within the query: ``now-5m`` says more than when that was."""
        own = {key: self.given[key][-1] for key in MOMENTS if key in self.given}
        within = {"since": self.filters.since, "until": self.filters.until}
        return own | {key: text for key, text in within.items() if text and key not in own}

    def fixed(self, path: str) -> str:
        """The URL with the times as they are now, if any of them goes along with the clock; else empty."""
        texts = [
            *(self.given.get(key, [""])[-1] for key in MOMENTS),
            self.filters.since or "",
            self.filters.until or "",
        ]
        if self.problems or not any(map(is_moving, texts)):
            return ""
        since, until = self.since, self.until or clock.now()
        timeless = [text for text in map(_timeless, self.given.get(QUERY, [])) if text]
        return self.link(path, q=timeless or None, since=timestamp(since) if since else None, until=timestamp(until))

    def pills(self, path: str) -> list[Pill]:
        """The active filters, each with the URL without it."""
        found = []
        for key in (*KEYS, *MOMENTS):
            for value in self.given.get(key, []):
                others = [other for other in self.given[key] if other != value]
                for name, text, excluded, rest in _parts(key, value):
                    query = {k: v for k, v in self.given.items() if k not in PLACES}
                    query[key] = [*others, rest] if rest else others
                    found.append(Pill(one_line(name), one_line(text), excluded, with_query(path, query)))
        return found


def _parts(key: str, value: str) -> Iterable[Part]:
    """What a filter says, each with what is left of its value without it; only a query has more than one."""
    if key == QUERY:
        return parts(value)
    excluded = key in KEYS and value.startswith("!")
    return [Part(NAMES.get(key, key), value.removeprefix("!") if excluded else value, excluded, "")]


def _timeless(text: str) -> str:
    """A query without its moments."""
    parsed = query_language.parse(text)
    if not (parsed.since or parsed.until):
        return text
    return "" if parsed.node is None else query_language.write(parsed.node)


def parse(sent: QueryDict, *, own: tuple[str, ...] = ()) -> Query:
    """Parse a query string; keys in ``own`` belong to the page itself and are ignored."""
    query = Query()
    for key in sent:
        if key not in own:
            values = list(dict.fromkeys(value for value in sent.getlist(key) if value.strip() not in ("", "!")))
            if values:
                query.given[key] = values
    good: dict[str, list[str]] = {}
    for key, values in query.given.items():
        try:
            _understand(query, good, key, values)
        except FilterError as error:
            query.problems[key] = str(error)
            query.places += [{"q": error.text, **one.as_json()} for one in error.places]
    query.filters = Filters.parse(good)
    query.since = latest(query.since, parse_moment("since", query.filters.since or ""))
    query.until = earliest(query.until, parse_moment("until", query.filters.until or ""))
    try:
        check_order(query.since, query.until)
    except FilterError as error:
        query.problems["until"] = str(error)
    if query.names_signals:
        query.every = True
    return query


def _understand(query: Query, good: dict[str, list[str]], key: str, values: list[str]) -> None:
    if key == EVERY:
        query.every = True
    elif key in MOMENTS:
        setattr(query, key, parse_moment(key, values[-1]))
    elif key in PLACES:
        setattr(query, key, event_number(key, values[-1]))
    else:
        try:
            Filters.parse({key: values})
        except FilterError as error:
            accepted = ", ".join((*KEYS, *MOMENTS, *PLACES, EVERY))
            raise FilterError(
                str(error) if key in KEYS else f"Unknown filter {key[:50]!r}. Accepted: {accepted}.",
                text=error.text,
                places=error.places,
            ) from None
        good[key] = values


def event_number(key: str, text: str) -> int:
    """Parse an event's id; raises ``FilterError``."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= LARGEST_ID):
        raise FilterError(f"'{key}' must be an event number, not {text[:50]!r}.")
    return int(text)
