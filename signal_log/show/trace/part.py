"""Reads a trace from the log, or the part of a huge one that a page can show."""

from __future__ import annotations

import sys
import uuid
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from signal_log.event import FAILED
from signal_log.models import SignalEvent
from signal_log.show.words.operations import is_pre
from signal_log.store.read import events
from signal_log.telemetry.read import MAX_CALLS, add_calls

MAX_EVENTS: Final = 10_000
"""A part has the operations that began at so many positions; the first one begins at position 1."""
MAX_UNGROUPED: Final = 1_000
"""The same where equal operations are not grouped: each has rows then."""
MOST_POSITIONS: Final = 2**31 - 1
MOST_UNFINISHED: Final = 100
"""The end of so many operations is looked for beyond a part."""

COLUMNS: Final = (
    "signal", "sender", "object_pk", "object_repr", "created", "raw", "update_fields", "origin", "changes", "overwrote",
    "labels", "trace_id", "position", "parent_position", "operation", "caused_by", "outcome", "error", "call_site",
    "occurred_at",
)  # fmt: skip
"""What is different from event to event and shown in a tree."""
REPEATED: Final = ("signal", "sender", "outcome", "caused_by", "call_site")
"""Of these a trace has few different texts."""


@dataclass(slots=True)
class Part:
    """A part of a trace, or all of it: the events of the operations that began after position ``after``."""

    first: SignalEvent
    """The first event of the part, with all columns."""
    events: list[SignalEvent]
    after: int
    last: int
    """The last position in the whole trace."""
    next: int | None
    """The ``after`` of the next part."""
    elsewhere: frozenset[int]
    """Positions within this part of operations that began in an earlier one."""
    size: int
    """How many positions a part has."""

    @property
    def is_whole(self) -> bool:
        """Whether there are no other parts."""
        return not self.after and self.next is None

    @property
    def to(self) -> int:
        """The last position at which its operations may begin."""
        return self.last if self.next is None else self.after + self.size

    @property
    def lacks_calls(self) -> bool:
        """Whether more calls of receivers are known than are read."""
        return sum(len(event.calls) for event in self.events) >= MAX_CALLS

    def is_earlier(self, position: int) -> bool:
        """Whether what happened at this position is shown in an earlier part."""
        return (bool(self.after) and position <= self.after) or position in self.elsewhere


def begin_of(position: int, *, grouped: bool) -> int:
    """The ``after`` of the part in which this position is."""
    size = MAX_EVENTS if grouped else MAX_UNGROUPED
    return (min(position, MOST_POSITIONS) - 1) // size * size


def part_of(trace_id: uuid.UUID, after: int = 0, *, grouped: bool = True) -> Part | None:
    """The part in which position ``after + 1`` is; None if nothing began there."""
    size = MAX_EVENTS if grouped else MAX_UNGROUPED
    after = begin_of(after + 1, grouped=grouped)
    trace = events().filter(trace_id=trace_id).order_by("position")
    here = trace.filter(position__gt=after) if after else trace
    first = here.first()
    if first is None:
        return None
    following = list(here.only(*COLUMNS)[: size + 1])
    found = [event for event in following if event.position <= after + size]
    beyond = following[len(found) :]
    elsewhere = frozenset(event.position for event in found if after and event.operation <= after)
    if elsewhere:
        found = [event for event in found if event.operation > after]
    if not found:
        return None
    if found[0].pk == first.pk:
        found[0] = first
    last, following_part = following[-1].position, None
    if beyond:
        later = trace.filter(position__gt=after + size)
        begun = later.filter(operation__gt=after + size).values_list("operation", flat=True).first()
        following_part = None if begun is None else begin_of(begun, grouped=grouped)
        last = trace.reverse().values_list("position", flat=True)[0]
        found += _ends_of(found, later.only(*COLUMNS))
    for event in found:
        for name in REPEATED:
            setattr(event, name, sys.intern(getattr(event, name)))
    add_calls(found)
    return Part(first, found, after, last, following_part, elsewhere, size)


def _ends_of(found: list[SignalEvent], later: QuerySet[SignalEvent]) -> list[SignalEvent]:
    """The events beyond a part that end its last operations."""
    newest: dict[int, SignalEvent] = {event.operation: event for event in found}
    open_ones = [number for number, event in newest.items() if is_pre(event) and event.outcome != FAILED]
    open_ones = open_ones[-MOST_UNFINISHED:]
    if not open_ones:
        return []
    return list(later.filter(operation__in=open_ones)[: len(open_ones)])
