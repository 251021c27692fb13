"""What is asked of a restore: which row, as of when, and which row's form is to be filled."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import DatabaseError, models
from django.http import QueryDict
from django.utils.connection import ConnectionDoesNotExist

from signal_log.capture.model.same_row import ends_with
from signal_log.errors import FilterError
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.show.query.paging import newest_of, newest_telling, span_for
from signal_log.show.query.query import event_number
from signal_log.show.story.admin_form import registered_as
from signal_log.show.story.moment import state_of
from signal_log.show.story.relations import model_of
from signal_log.show.words.diff import pairs
from signal_log.show.words.moments import iso, parse_moment
from signal_log.show.words.state import State, is_end
from signal_log.show.words.text import one_line
from signal_log.store.read import events
from signal_log.store.span import NOTHING, Events, Span

INTO: Final = "into"
"""The key of the row whose form is filled, where it is another than the one that the values are of."""
BY: Final = "by"
PARENT: Final = "parent"
"""A relative's key to the object, and what it is to hold instead: the key under which that was restored."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which row, when, and into which form; what a page and the form that follows it are told."""

    label: str
    pk: str
    at: datetime
    model: type[models.Model]
    newest: SignalEvent
    recorded: Events = field(repr=False)
    span: Span
    state: State = field(repr=False)
    row: models.Model | None = field(repr=False)
    """The row that the form would change; None if it would add one."""
    instead: dict[str, Any] = field(default_factory=dict)
    only: frozenset[str] | None = None
    """The fields that an event changed, if it was one that the reader came from."""
    event: int | None = None
    """The number of that event."""

    def query(self, **more: str | list[str]) -> dict[str, list[str]]:
        """What asks for the same again."""
        given = {"label": self.label, "pk": self.pk, **more}
        given |= {"at": iso(self.at)} if self.event is None else {"event": str(self.event)}
        if self.row is not None and str(self.row.pk) != self.pk:
            given.setdefault(INTO, str(self.row.pk))
        for name, value in self.instead.items():
            given |= {BY: name, PARENT: str(value)}
        return {key: value if isinstance(value, list) else [value] for key, value in given.items()}


def of_row(labels: tuple[str, ...], pk: str) -> Events:
    """All events of one row, under whichever of these labels it was recorded."""
    return events().filter(sender__in=labels, object_pk=pk)


def asked_of(sent: QueryDict) -> Asked:
    """What the query string asks for; raises ``ValueError`` with a sentence."""
    given = {key: str(sent[key]) for key in sent if sent.getlist(key)}
    label, pk = registered_as(given.get("label", "")), given.get("pk", "")
    model = model_of(label)
    labels = labels_of_row(label)
    recorded = of_row(labels, pk)
    span = span_for(recorded) if pk and "\x00" not in label + pk else NOTHING
    newest = newest_telling(recorded, span) or newest_of(recorded, span)
    if model is None or newest is None:
        raise FilterError(f"The log has no events for the {one_line(label, 80)} with the key “{one_line(pk, 80)}”.")
    only = number = None
    if "event" in given:
        number = event_number("event", given["event"])
        event = recorded.filter(pk=number).first()
        if event is None:
            raise FilterError("There is no such event of this object.")
        at = _before(event)
        if not is_end(event, ends_with(label, labels)):
            only = frozenset(name for name, _, _ in pairs(event.changes))
    else:
        moment = parse_moment("at", given.get("at", ""))
        if moment is None:
            raise FilterError("The address does not say from when: give 'at' or 'event'.")
        at = moment
    row = stored(model, given.get(INTO, "") or pk, newest.using)
    if given.get(INTO) and row is None:
        raise FilterError(f"There is no {one_line(label, 80)} with the key “{one_line(given[INTO], 80)}” to fill in.")
    state = state_of(recorded, span, label, at)
    instead = {given[BY]: given[PARENT]} if given.get(BY) and given.get(PARENT) else {}
    return Asked(label, pk, at, model, newest, recorded, span, state, row, instead, only, number)


def _before(event: SignalEvent) -> datetime:
    """The moment before an operation began: nothing of it, or of its cascade, was done."""
    first = events().filter(trace_id=event.trace_id, position=event.operation).order_by("pk").first()
    moment = first.occurred_at if first is not None and first.pk != event.pk else event.occurred_at
    return moment if first is not None and first.pk != event.pk else moment - timedelta(microseconds=1)


def stored(model: type[models.Model], pk: str, using: str) -> models.Model | None:
    try:
        return model._base_manager.using(using).filter(pk=model._meta.pk.to_python(pk)).first()
    except (ValueError, TypeError, ValidationError, DatabaseError, OverflowError, ConnectionDoesNotExist):
        return None
