"""Whom a redaction is about: a row, what belongs to it alone, its key, and the names that it goes by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from django.apps import apps
from django.db import DatabaseError, models
from django.db.models import Q

from signal_log.audit.redaction import recorded_names
from signal_log.audit.redaction.names import Names
from signal_log.audit.redaction.own_names import key_texts, names_in, names_now
from signal_log.audit.thing import Archived, Model, Thing, none_archived, thing, thing_of
from signal_log.capture.model.keys import key_text
from signal_log.errors import RedactionError
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.seal.as_sealed import Sealed
from signal_log.seal.ranges import Ranges
from signal_log.store.read import events

MOST_RELATIVES: Final = 200


@dataclass(frozen=True, slots=True)
class Whom:
    """Everything that a redaction looks for."""

    things: tuple[Thing, ...]
    """The row itself, then those that belong to it alone."""
    names: Names
    shown: tuple[str, ...]
    """The names, without what is derived from keys."""
    altered: Ranges
    """Their events that are not what was sealed: what somebody has written there is no name of theirs."""
    unsought: tuple[str, ...] = ()
    """Recorded values of its fields for names that are not looked for."""
    before_keys: frozenset[int] = frozenset()
    """The events that tell of their creation before they had a key."""
    creations: frozenset[tuple[Any, int]] = frozenset()
    """Trace and position of these, wherever they are."""

    @property
    def rows(self) -> Q:
        """The events that are erased."""
        found = Q(pk__in=self.before_keys)
        for one in self.things:
            found |= one.rows
        return found

    def owns(self, event: SignalEvent) -> bool:
        """Whether the event is erased as a whole."""
        if not event.object_pk and (event.trace_id, event.position) in self.creations:
            return any(event.sender in one.family for one in self.things)
        return any(one.owns(event) for one in self.things)


def find(
    label: str, key: str, given: Iterable[str] = (), *, relatives: bool = True, names: bool = True,
    archived: Archived = none_archived,
) -> Whom:  # fmt: skip
    """Whom a label and a key mean; raises ``RedactionError`` if there is nobody."""
    first = thing(label, key, archived)
    things = _with_relatives(first, archived) if relatives else [first]
    shown = dict.fromkeys(text.strip() for text in given if text.strip())
    unsought: dict[str, None] = {}
    creations: set[tuple[Any, int]] = set()
    altered, sealed = Ranges(), Sealed()
    for one in things:
        for event in _events_of(one, archived):
            if names and not sealed.has(event):
                altered.add(event.pk)
            elif names:
                shown |= dict.fromkeys(names_in(one, event))
                if event.sender in one.family and event.object_pk == one.key:
                    unsought |= dict.fromkeys(recorded_names.in_changes(event.changes))
            if event.created and event.sender in one.family:
                creations.add((event.trace_id, event.operation))
        if names:
            shown |= dict.fromkeys(names_now(one))
            if row := one.row():
                unsought |= dict.fromkeys(recorded_names.in_row(row))
    looked_for = Names([*shown, *(text for one in things for text in key_texts(one))])
    return Whom(
        tuple(things), looked_for, tuple(shown), altered, recorded_names.not_among(looked_for, unsought),
        frozenset(_before_keys(things, creations)), frozenset(creations),
    )  # fmt: skip


def _events_of(one: Thing, archived: Archived) -> Iterator[SignalEvent]:
    """The events about a row, and by it, in the table and in archives."""
    own = events().filter(one.rows).order_by("pk")
    return chain(own.iterator(chunk_size=500), filter(one.owns, archived()))


def _before_keys(things: Sequence[Thing], creations: Iterable[tuple[Any, int]]) -> Iterator[int]:
    """The pre events of these creations, which have no key yet."""
    for trace, position in creations:
        pres = events().filter(trace_id=trace, position=position, object_pk="")
        yield from (pre.pk for pre in pres if any(pre.sender in one.family for one in things))


def _with_relatives(first: Thing, archived: Archived) -> list[Thing]:
    """A row, those that belong to it alone, those that belong to these alone, and so on."""
    things = [first]
    for one in things:
        for found in _relatives(one, archived):
            if (found.family, found.key) not in [(other.family, other.key) for other in things]:
                things.append(found)
        if len(things) > MOST_RELATIVES:
            raise RedactionError(f"More than {MOST_RELATIVES} rows belong to {first} alone: redact each of them.")
    return things


def _relatives(owner: Thing, archived: Archived) -> Iterator[Thing]:
    """The rows that belong to one row alone: those with a one-to-one field to it, there now or recorded."""
    linked: dict[str, tuple[Model, str]] = {}
    for model in apps.get_models():
        if model._meta.proxy or model._meta.label in owner.family:
            continue
        for field in model._meta.concrete_fields:
            if isinstance(field, models.OneToOneField) and field.related_model._meta.label in owner.family:
                linked |= dict.fromkeys(labels_of_row(model._meta.label), (model, field.name))
                for key in _keys_of_relatives(model, field.name, owner.key):
                    yield thing_of(model, key)
    for event in archived() if linked else ():
        if event.sender in linked and event.object_pk:
            model, name = linked[event.sender]
            sides = event.changes.get(name)
            if isinstance(sides, list) and owner.key in map(str, sides):
                yield thing_of(model, event.object_pk)


def _keys_of_relatives(model: Model, field: str, key: str) -> set[str]:
    found = set()
    with suppress(DatabaseError, ValueError, TypeError):  # no such table, or no such key
        found = {key_text(row) for row in model._base_manager.filter(**{field: key})[: MOST_RELATIVES + 1]}
    spelled: list[Any] = [key, int(key)] if key.isascii() and key.isdigit() and len(key) < 16 else [key]
    holds = Q()
    for side in (0, 1):
        for one in spelled:
            holds |= Q(**{f"changes__{field}__{side}": one})
    recorded = events().filter(holds, sender__in=labels_of_row(model._meta.label)).exclude(object_pk="")
    return found | set(recorded.order_by().values_list("object_pk", flat=True).distinct()[: MOST_RELATIVES + 1])
