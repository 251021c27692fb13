"""Groups signals for display: pre and post folded into one operation, with the operations it caused below it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from signal_log.audit.breaks.continuity import tells
from signal_log.event import COMMITTED, M2M_CHANGED
from signal_log.models import SignalEvent
from signal_log.show.links import event_url, in_query, object_url, trace_url, url
from signal_log.show.words import kinds
from signal_log.show.words.diff import FieldDiff, field_diffs
from signal_log.show.words.moments import iso
from signal_log.show.words.remarks import failure, is_untold, remarks, unseen
from signal_log.show.words.summary import Part, summary
from signal_log.show.words.text import one_line

Operation = tuple[uuid.UUID, int]
Narrow = Callable[..., str]


def history_of(**filters: str | None) -> str:
    """The URL of the history with only these filters."""
    return url("events", **{key: text for key, text in filters.items() if text is not None})


@dataclass
class Line:
    """One line of a list of events, for the templates."""

    event: SignalEvent
    every: bool = False
    narrow: Narrow = history_of
    depth: int = 0
    children: list[Line] = field(default_factory=list, repr=False)

    @property
    def origin(self) -> str:
        """What its log is called, in a list of several."""
        return ""

    @property
    def is_here(self) -> bool:
        """Whether this installation has pages for it."""
        return True

    @cached_property
    def verb(self) -> str:
        """What happened to the row."""
        return kinds.verb(self.event)

    @cached_property
    def kind(self) -> kinds.Kind:
        """Icon, colour and word."""
        return kinds.signal_kind(self.event) if self.every else kinds.kind(self.event)

    @property
    def tells(self) -> bool:
        """Whether it describes the stored row, so that it can be compared with another event."""
        return tells(self.event)

    @property
    def model(self) -> str:
        """The model's short name."""
        return one_line(kinds.model_name(self.event.sender), 60)

    @property
    def object(self) -> str:
        """The object's text, or its key if it has none."""
        event = self.event
        return one_line(kinds.object_name(event.object_repr or kinds.account(event), event.object_pk))

    @property
    def actor(self) -> str:
        """Who did it: a user, an anonymous visitor or a program."""
        return one_line(actor_name(self.event), 40)

    @property
    def cause(self) -> str:
        """The short name of the receiver that caused it."""
        return one_line(kinds.short_name(self.event.caused_by), 40)

    @property
    def summary(self) -> list[Part]:
        """What caused it, why it was undone, and the change, on one line."""
        return summary(self.event)

    @property
    def diffs(self) -> list[FieldDiff]:
        """The change in full."""
        event = self.event
        diffs = field_diffs(event.changes, kinds.effect(event), unseen(event))
        return diffs if event.redacted_at is None else [replace(one, redacted=True) for one in diffs]

    @property
    def is_by_hand(self) -> bool:
        """Whether no save or delete sent the signal."""
        return kinds.is_by_hand(self.event)

    @property
    def is_untold(self) -> bool:
        """Whether the values are believed ones, because the database did not tell."""
        return is_untold(self.event)

    @property
    def remarks(self) -> list[str]:
        """What has to be said of how it was recorded."""
        return remarks(self.event)

    @property
    def error(self) -> str:
        """The beginning of the error."""
        return one_line(failure(self.event), 120)

    @cached_property
    def object_url(self) -> str:
        """The URL of the object's history; empty if it has no key."""
        return object_url(self.event.sender, self.event.object_pk)

    @cached_property
    def url(self) -> str:
        """The URL of the event's page."""
        return event_url(self.event.pk)

    @property
    def trace_url(self) -> str:
        """The URL of its trace."""
        return trace_url(self.event.trace_id)

    @property
    def model_filter(self) -> str:
        """The URL of the list, filtered by this model."""
        return self.narrow(sender=self.event.sender)

    @property
    def actor_filter(self) -> str:
        """The URL of the list, filtered by this account's key, by the name of who has none, or else by the source."""
        event = self.event
        if event.actor_pk:
            return self.narrow(actor_pk=event.actor_pk, actor_name=None, actor=None)
        if event.actor_repr:
            return self.narrow(actor_name=event.actor_repr, actor_pk=None, actor=None)
        return self.narrow(source=event.source)

    @property
    def source_filter(self) -> str:
        """The URL of the list, filtered by source."""
        return self.narrow(source=self.event.source)

    @property
    def at_url(self) -> str:
        """The URL of the object's state right after this event."""
        return in_query(self.object_url, at=self.iso) if self.object_url else ""

    @property
    def iso(self) -> str:
        """The exact time, in UTC."""
        return iso(self.event.occurred_at)

    @property
    def request_line(self) -> str:
        """What started it: the request line, or the source."""
        event = self.event
        return one_line(kinds.begun_by(event.method, event.path, event.source))

    @property
    def indent(self) -> int:
        """The depth, up to the maximum that the style sheet supports."""
        return min(self.depth, 6)


def actor_name(event: SignalEvent) -> str:
    """Who did it; never empty."""
    return kinds.actor_name(event.actor_repr, event.actor_pk, event.source)


def is_pre(event: SignalEvent) -> bool:
    """Whether it only announces the operation, which the operation's other signal reports."""
    if kinds.is_by_hand(event):
        return False
    if event.signal == M2M_CHANGED:
        return isinstance(event.origin, dict) and str(event.origin.get("action")).startswith("pre_")
    return event.signal in kinds.PRE


def undecided(events: Iterable[SignalEvent]) -> list[SignalEvent]:
    """Pre signals that may have no post signal: those of unfinished saves and deletes, and of relations."""
    return [event for event in events if is_pre(event) and (event.signal == M2M_CHANGED or event.outcome != COMMITTED)]


def folded(events: Iterable[SignalEvent], finished: Collection[Operation]) -> list[SignalEvent]:
    """One event per operation: its post signal, or its pre signal if it never finished."""
    events = list(events)
    alone = {event.pk for event in undecided(events) if (event.trace_id, event.operation) not in finished}
    return [event for event in events if event.pk in alone or not is_pre(event)]


def lines(events: Sequence[SignalEvent], *, every: bool = False, narrow: Narrow = history_of) -> list[Line]:
    """Events (newest first) as lines, with operations below the operation that caused them."""
    made = [Line(event, every, narrow) for event in events]
    if every:
        return made
    at = {(line.event.trace_id, line.event.operation): line for line in made}
    at |= {(line.event.trace_id, line.event.position): line for line in made}
    roots: list[Line] = []
    for line in made:
        parent = _parent(line, at)
        (parent.children if parent else roots).append(line)
    return [line for root in sorted(roots, key=_newest, reverse=True) for line in _flat(root, 0)]


def _parent(line: Line, at: dict[Operation, Line]) -> Line | None:
    event = line.event
    if event.parent_position is None or event.parent_position >= event.operation:
        return None
    parent = at.get((event.trace_id, event.parent_position))
    return parent if parent is not None and parent.event.operation < event.operation else None


def _newest(line: Line) -> int:
    return max(line.event.pk, *(_newest(child) for child in line.children)) if line.children else line.event.pk


def _flat(line: Line, depth: int) -> list[Line]:
    line.depth = depth
    below = sorted(line.children, key=lambda child: child.event.position)
    return [line, *(deeper for child in below for deeper in _flat(child, depth + 1))]
