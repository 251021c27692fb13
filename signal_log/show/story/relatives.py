"""The rows that are an object's relatives: those that point at it now, and those that did in its own history.

What points at it now is in the host's tables. What did once is in the log: a row that was made or deleted with the
object is an event of the same trace, near the object's own. No index has the values of foreign keys, so a row that came
and went by itself is found only by reading the log (``searched``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import DatabaseError, models
from django.db.models import Q
from django.utils.connection import ConnectionDoesNotExist

from signal_log import clock
from signal_log.capture.model.keys import key_text
from signal_log.models import SignalEvent
from signal_log.show.story.relations import Relation, model_of
from signal_log.show.words.diff import pairs
from signal_log.store.read import events
from signal_log.store.span import LARGEST_ID, Events, Span, span_of, walk

MOST: Final = 100
"""How many relatives by one relation are told of: the newest."""
ENDS: Final = 25
"""How many of the object's newest and oldest events are looked around."""
NEAR: Final = 200
"""How many positions of a trace before them, and twice as many after them."""
MOST_NEAR: Final = 2_000
SECONDS: Final = 0.8
"""How long the log is searched for other relatives."""
LONGEST_NUMBER: Final = 15


@dataclass(frozen=True, slots=True)
class Relatives:
    """The relatives' keys by relation; those of ``cut`` have more."""

    keys: dict[Relation, tuple[str, ...]]
    cut: tuple[Relation, ...] = ()
    searched_to: int | None = None
    """Up to which event the log was searched for others; 0 if to its beginning, None if it was not."""

    def __bool__(self) -> bool:
        return any(self.keys.values())

    @property
    def condition(self) -> Q:
        """Their events, each model's by the index of labels and keys."""
        wanted = [Q(sender__in=relation.labels, object_pk__in=keys) for relation, keys in self.keys.items() if keys]
        return reduce(or_, wanted, Q())

    def rows(self) -> Iterator[tuple[Relation, str]]:
        """Each relative once."""
        seen = set()
        for relation, keys in self.keys.items():
            for key in keys:
                if (relation.labels, key) not in seen:
                    seen.add((relation.labels, key))
                    yield relation, key


def relatives_of(
    recorded: Events,
    span: Span,
    newest: SignalEvent,
    label: str,
    relations: Sequence[Relation],
    *,
    search: bool = False,
) -> Relatives:
    """The relatives of the row of which these are all events; ``search`` reads the log for others, for a second."""
    if not relations:
        return Relatives({})
    pk = newest.object_pk
    found: defaultdict[Relation, dict[str, None]] = defaultdict(dict)
    near = _near(recorded, span, relations)
    searched_to = None
    if search:
        others, searched_to = _searched(relations, pk)
        near += others
    for relation in relations:
        keys = found[relation]
        keys |= dict.fromkeys(_stored(relation, label, pk, newest.using))
        if relation.points_here:
            keys |= dict.fromkeys(_pointing(relation, near, pk))
        else:
            keys |= dict.fromkeys(_pointed_at(relation, recorded, span))
    return Relatives(
        {relation: tuple(keys)[:MOST] for relation, keys in found.items()},
        tuple(relation for relation, keys in found.items() if len(keys) > MOST),
        searched_to,
    )


def _stored(relation: Relation, label: str, pk: str, using: str) -> Iterator[str]:
    """The keys of the rows that are its relatives now, newest first."""
    model, other = model_of(label), model_of(relation.label)
    if model is None or other is None:
        return
    try:
        key = model._meta.pk.to_python(pk)
        if relation.points_here:
            rows = other._base_manager.using(using).filter(**{f"{relation.field}__pk": key})
        else:
            rows = other._base_manager.using(using).filter(pk__in=_own(model, relation.field, key, using))
        for row in rows.order_by("-pk").only("pk")[: MOST + 1]:
            yield key_text(row)
    except (ValueError, TypeError, ValidationError, DatabaseError, OverflowError, ConnectionDoesNotExist):
        return  # no key of this model, or a table or database that is not there


def _own(model: type[models.Model], field: str, key: Any, using: str) -> list[Any]:
    """What the object's own key points at."""
    return [
        value
        for value in model._base_manager.using(using).filter(pk=key).values_list(f"{field}__pk", flat=True)
        if value is not None
    ]


def _near(recorded: Events, span: Span, relations: Iterable[Relation]) -> list[SignalEvent]:
    """The events of relatives' models that are near the object's own in their traces."""
    labels = {label for relation in relations if relation.points_here for label in relation.labels}
    if not labels:
        return []
    places = recorded.only("trace_id", "position")
    ends = {(event.trace_id, event.position) for event in _newest(places, span)}
    if not span.scan:  # of very many, the oldest are far away
        ends |= {(event.trace_id, event.position) for event in places.order_by("pk")[:ENDS]}
    wanted, last = [], None
    for trace, position in sorted(ends):
        if last is None or trace != last[0] or position > last[1] + NEAR:
            wanted.append(Q(trace_id=trace, position__gte=position - NEAR, position__lte=position + 2 * NEAR))
            last = trace, position
    if not wanted:
        return []
    found = events().filter(reduce(or_, wanted), sender__in=labels)
    return list(found.only("sender", "object_pk", "changes").order_by("-pk")[:MOST_NEAR])


def _newest(found: Events, span: Span) -> list[SignalEvent]:
    """The newest of these events; where windows are walked, those of the first that has any."""
    for chunk, _ in walk(found, span, LARGEST_ID, ENDS, upwards=False):
        if chunk:
            return chunk
    return []


def _searched(relations: Iterable[Relation], pk: str) -> tuple[list[SignalEvent], int]:
    """Events anywhere that changed a relative's key to or from this one, newest first, and how far was looked back."""
    wanted = Q(pk__in=())
    for relation in relations:
        if relation.points_here:
            values = [pk, int(pk)] if pk.isascii() and pk.isdigit() and len(pk) <= LONGEST_NUMBER else [pk]
            for value in values:
                held = Q(**{f"changes__{relation.field}__0": value}) | Q(**{f"changes__{relation.field}__1": value})
                wanted |= Q(sender__in=relation.labels) & held
    deadline = clock.monotonic() + SECONDS
    found: list[SignalEvent] = []
    for chunk, reached in walk(
        events().filter(wanted), span_of(None, None, scan=True), LARGEST_ID, MOST, upwards=False
    ):
        found += chunk
        if clock.monotonic() > deadline or len(found) >= MOST_NEAR:
            return found, reached
    return found, 0


def _pointing(relation: Relation, near: Iterable[SignalEvent], pk: str) -> Iterator[str]:
    """The keys of rows that an event says to point, or to have pointed, at the object."""
    for event in near:
        if event.object_pk and event.sender in relation.labels and points_at(event.changes, relation.field, pk):
            yield event.object_pk


def points_at(changes: Any, field: str, pk: str) -> bool:
    """Whether a change is to or from this key."""
    return any(name == field and pk in (_key(old), _key(new)) for name, old, new in pairs(changes))


def _pointed_at(relation: Relation, recorded: Events, span: Span) -> Iterator[str]:
    """The keys that the object's own key has held."""
    for event in _newest(recorded.only("changes"), span):
        for name, old, new in pairs(event.changes):
            if name == relation.field:
                yield from (_key(value) for value in (new, old) if _key(value))


def _key(value: Any) -> str:
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
