"""Pins and notes of people on events, and notes on recorded sessions: events of the log, which are never changed.

What is pinned follows from the events that say so: there is no table beside the log that could say otherwise. They name
what they are about as any event names its object, so that one index finds those of many.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db.models import Count, Max, QuerySet

from signal_log.audit.sentence import said
from signal_log.audit.told import SENDER, tell_of
from signal_log.capture.model.snapshot import clean
from signal_log.errors import NoteError
from signal_log.event import COMMITTED
from signal_log.models import DebugSession, SignalEvent
from signal_log.models.event import UNUSUAL
from signal_log.store.read import events

PINNED: Final = "signal_log.pinned"
UNPINNED: Final = "signal_log.unpinned"
NOTED: Final = "signal_log.noted"
SESSION: Final = DebugSession._meta.label
LONGEST_NOTE: Final = 500
MOST_NOTES: Final = 100
"""On one event or session, all of which its page shows."""
MOST_PINNED: Final = 100
MOST_READ: Final = 1_000
"""Of the newest pins, some were taken back or put on the same event."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody has pinned or noted, and when; a pin's text is empty."""

    pk: int
    text: str
    by: str
    by_pk: str
    at: datetime


@dataclass(slots=True)
class Pins:
    """What was said of one event or session."""

    pinned: Remark | None = None
    notes: list[Remark] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.pinned is not None or bool(self.notes)


def pin(pk: int) -> None:
    """Pin an event, which is an event; nothing if it is pinned."""
    if of_events([pk])[pk].pinned is None:
        tell_of(PINNED, SENDER, str(pk), f"event {pk}")


def unpin(pk: int) -> None:
    """Take an event's pin away, which is another event; nothing if it has none."""
    if of_events([pk])[pk].pinned is not None:
        tell_of(UNPINNED, SENDER, str(pk), f"event {pk}")


def note(pk: int, text: str) -> None:
    """Write a note on an event; raises ``NoteError``."""
    text = _checked(text)
    _check_number(SENDER, pk)
    tell_of(NOTED, SENDER, str(pk), f"event {pk}", note=text)


def note_session(session: DebugSession, text: str) -> None:
    """Write a note on a recorded session; raises ``NoteError``."""
    text = _checked(text)
    _check_number(SESSION, session.pk)
    tell_of(NOTED, SESSION, str(session.pk), session.name, note=text)


def of_events(pks: Iterable[int]) -> dict[int, Pins]:
    """What was said of these events, by id, in one query."""
    found: dict[int, Pins] = {pk: Pins() for pk in pks}
    return _told(found, SENDER) if found else found


def mark(page: Iterable[SignalEvent]) -> None:
    """Set which events of a page are pinned, and how many notes each has."""
    by_pk = {str(event.pk): event for event in page}
    if not by_pk:
        return
    about = _rows().filter(sender=SENDER, object_pk__in=list(by_pk), signal__in=(PINNED, UNPINNED, NOTED)).order_by()
    found = about.values_list("object_pk", "signal").annotate(last=Max("pk"), number=Count("pk"))
    last: dict[tuple[str, str], int] = {}
    for key, signal, newest_one, number in found:
        last[key, signal] = newest_one
        if signal == NOTED:
            by_pk[key].notes = number
    for key, event in by_pk.items():
        event.pinned = last.get((key, PINNED), 0) > last.get((key, UNPINNED), 0)


def of_session(pk: int) -> Pins:
    """The notes on a session."""
    return _told({pk: Pins()}, SESSION)[pk]


def newest() -> dict[int, Pins]:
    """The events that were pinned last and still are, newest pin first, with their notes."""
    said = _rows().filter(UNUSUAL, signal__in=(PINNED, UNPINNED), sender=SENDER).order_by("-pk")
    about: dict[int, None] = {}
    for key in said.values_list("object_pk", flat=True)[:MOST_READ]:
        if key.isascii() and key.isdigit():
            about[int(key)] = None
    pinned = {pk: pins for pk, pins in of_events(about).items() if pins.pinned is not None}
    return dict(list(pinned.items())[:MOST_PINNED])


def _told(found: dict[int, Pins], sender: str) -> dict[int, Pins]:
    rows = _rows().filter(sender=sender, object_pk__in=[str(pk) for pk in found])
    for event in rows.filter(signal__in=(PINNED, UNPINNED, NOTED)).order_by("pk"):
        pins, labels = found[int(event.object_pk)], event.labels if isinstance(event.labels, dict) else {}
        text = str(labels.get("note", ""))
        remark = Remark(event.pk, text, event.actor_repr, event.actor_pk, event.occurred_at)
        if event.signal == NOTED:
            pins.notes.append(remark)
        elif event.signal == UNPINNED:
            pins.pinned = None
        else:
            pins.pinned = pins.pinned or remark
    return found


def _rows() -> QuerySet[SignalEvent]:
    return events().filter(outcome=COMMITTED)


def _check_number(sender: str, pk: int) -> None:
    found = _rows().filter(sender=sender, object_pk=str(pk), signal=NOTED).order_by()[:MOST_NOTES]
    if found.count() >= MOST_NOTES:
        raise NoteError(f"There are {MOST_NOTES} notes on it already, and no more are taken.")


def _checked(text: str) -> str:
    found = said(clean(text))
    if not found:
        raise NoteError("A note needs a few words.")
    if len(found) > LONGEST_NOTE:
        raise NoteError(f"The note has {len(found):,} characters; the limit is {LONGEST_NOTE}. Say it shorter.")
    return found
