"""What of a row's events its state at a moment is made of: of each field the newest before it and the first after it.

A row may have fifty thousand. Where they are few they are walked from the moment in both directions, until every field
is known. Of many the database is asked for the ids of those that tell a field last or next, in one pass over the row's
own events; and of more than ``MOST`` as many are walked as time allows, which the page then says.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from django.db import connections
from django.db.models import F, Max, Min, Q

from signal_log import clock
from signal_log.audit.breaks.continuity import ENDS, OF_A_ROW, tells
from signal_log.audit.breaks.known import WHOLE
from signal_log.capture.model.registry import plan_of
from signal_log.capture.model.same_row import ends_with
from signal_log.event import BASELINE, COMMITTED
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.show.links import field_names
from signal_log.show.story.relations import model_of
from signal_log.show.words.diff import pairs
from signal_log.show.words.state import State, is_end, state_at
from signal_log.store.changed import may_change
from signal_log.store.read import SENT_BY_HAND
from signal_log.store.span import LARGEST_ID, Events, Span, span_of, walk
from signal_log.vendor import vendor_of

MOST: Final = 100_000
"""Of so many events of one row the database finds the right ones in a quarter of a second."""
NEAR: Final = 50
"""So many on either side of the moment are read first: they name the fields that change all the time."""
AT_ONCE: Final = 200
SECONDS: Final = 0.15
"""How long the events of a row that has still more are read in each direction."""
TOLD: Final = (
    "signal", "sender", "object_pk", "object_repr", "created", "raw", "changes", "origin", "overwrote", "outcome",
    "error", "occurred_at", "using", "redacted_at",
)  # fmt: skip
"""What a state is made of."""
_AN_END: Final = Q(signal__in=ENDS)


def state_of(recorded: Events, span: Span, label: str, at: datetime, archived: Sequence[SignalEvent] = ()) -> State:
    """The row of which these are all events, with those that are in an archive, at a moment."""
    names, ending = field_names(label), ends_with(label, labels_of_row(label))
    told = recorded.filter(signal__in=OF_A_ROW, outcome=COMMITTED).only(*TOLD)
    reading = Reading(told, names, ending)
    if not span.scan:
        before, after = reading.walked(at, span, span)
    elif names and recorded.order_by()[: MOST + 1].count() <= MOST:
        before, after = reading.asked(at)
    else:
        spans = span_of(None, at, scan=True), span_of(at, None, scan=True)
        before, after = reading.walked(at, *spans, seconds=SECONDS)
    if archived:
        before, after = _joined(before, after, archived, at)
    state = state_at(before, after, names, ending, nullable_fields)
    return replace(state, looked_back_to=reading.stopped_at)


def _joined(
    before: list[SignalEvent], after: list[SignalEvent], archived: Sequence[SignalEvent], at: datetime
) -> tuple[list[SignalEvent], list[SignalEvent]]:
    """The events on both sides of a moment, with those of an archive in their places."""
    told = [event for event in archived if event.signal in OF_A_ROW and event.outcome == COMMITTED]
    earlier = {event.pk: event for event in (*before, *told) if event.occurred_at <= at}
    later = {event.pk: event for event in (*after, *told) if event.occurred_at > at}
    return sorted(earlier.values(), key=lambda one: -one.pk), sorted(later.values(), key=lambda one: one.pk)


def nullable_fields(label: str) -> list[str]:
    """The fields of a model that events of it tell and that may be null; none if it is not observed."""
    model = model_of(label)
    plan = plan_of(model) if model is not None else None
    return [column.name for column in plan.columns if column.field.null] if plan is not None else []


class Reading:
    """Reads what tells of a row around a moment."""

    def __init__(self, told: Events, names: Collection[str], ending: frozenset[str]) -> None:
        self.told = told
        self.names = names
        self.ending = ending
        self.stopped_at: int | None = None
        """The event at which time was up, while something was not known yet."""

    def walked(
        self, at: datetime, below: Span, above: Span, *, seconds: float | None = None
    ) -> tuple[list[SignalEvent], list[SignalEvent]]:
        """The events before the moment, newest first, and after it, up to where no more is needed."""
        before = self._walked(self.told.filter(occurred_at__lte=at), below, LARGEST_ID, seconds, upwards=False)
        after = self._walked(self.told.filter(occurred_at__gt=at), above, 0, seconds, upwards=True)
        return before, after

    def _walked(
        self, found: Events, span: Span, start: int, seconds: float | None, *, upwards: bool
    ) -> list[SignalEvent]:
        deadline = clock.monotonic() + seconds if seconds is not None else None
        read: list[SignalEvent] = []
        # Of few, all are read back to the creation: they tell of fields, too, that the model no longer has.
        missing = set(self.names) if upwards or deadline is not None else {""}
        for chunk, reached in walk(found, span, start, AT_ONCE, upwards=upwards):
            for event in chunk:
                read.append(event)
                if tells(event) and self._is_enough(event, missing, upwards=upwards):
                    return read
            if deadline is not None and clock.monotonic() > deadline:
                if not upwards:
                    self.stopped_at = reached
                break
        return read

    def _is_enough(self, event: SignalEvent, missing: set[str], *, upwards: bool) -> bool:
        """Whether nothing beyond this event is needed; takes the fields that it names from the missing ones."""
        if event.created is True or event.signal == BASELINE or is_end(event, self.ending):
            return True
        if upwards or event.signal not in ENDS:
            missing -= {name for name, _, _ in pairs(event.changes)}
        return bool(self.names) and not missing

    def asked(self, at: datetime) -> tuple[list[SignalEvent], list[SignalEvent]]:
        """The same of very many events, without those between that tell nothing which is not told again."""
        told = self.told.exclude(SENT_BY_HAND)
        sides = Q(occurred_at__lte=at), Q(occurred_at__gt=at)
        near = [self._near(told.filter(side), upwards=upwards) for upwards, side in enumerate(sides)]
        wanted: dict[str, Any] = {}
        missing: set[str] = set()
        for upwards, (side, read) in enumerate(zip(sides, near, strict=True)):
            left = set(self.names)
            if len(read) < NEAR or any(self._is_enough(event, left, upwards=bool(upwards)) for event in read):
                continue
            missing |= left
            newest = Min if upwards else Max
            wanted[f"whole{upwards}"] = newest("pk", filter=side & WHOLE)
            wanted[f"end{upwards}"] = newest("pk", filter=side & _AN_END)
            for number, name in enumerate(sorted(left)):
                names_it = side & Q(changes__has_key=name)
                wanted[f"f{upwards}_{number}"] = newest("pk", filter=names_it if upwards else names_it & ~_AN_END)
        if wanted:
            some = told.order_by().filter(WHOLE | _AN_END | may_change(missing))
            keys = {pk for pk in some.aggregate(**wanted).values() if pk is not None}
            for event in told.filter(pk__in=keys).order_by("-pk"):
                near[event.occurred_at > at].append(event)
        before, after = (sorted({event.pk: event for event in read}.values(), key=lambda e: e.pk) for read in near)
        return before[::-1], after

    def _near(self, found: Events, *, upwards: int) -> list[SignalEvent]:
        """Those nearest to the moment; sorted, for no index of theirs has an order on PostgreSQL."""
        key = F("pk") + 0 if vendor_of(connections[found.db]) == "postgresql" else F("pk")
        return list(found.order_by(key.asc() if upwards else key.desc())[:NEAR])
