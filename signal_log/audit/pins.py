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

from signal_log.audit.own_events import SENDER, tell_of
from signal_log.audit.reason_text import said
from signal_log.capture.model.snapshot import clean
from signal_log.errors import NoteError
from signal_log.event import COMMITTED
from signal_log.models import DebugSession, SignalEvent
from signal_log.store.pinned import PINNED, UNPINNED, lately, pinned_among
from signal_log.store.read import events

NOTED: Final = "signal_log.noted"
SESSION: Final = DebugSession._meta.label
LONGEST_NOTE: Final = 500
MOST_NOTES: Final = 100
"""On one event or session, all of which its page shows."""
MOST_PINS: Final = 100
"""How often one event is pinned: taken away and put back it would fill the log, and push others off the list."""
MOST_PINNED: Final = 100
MOST_READ: Final = 1_000
"""Of the notes on many events the newest."""


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
    """Pin an event, which is an event; nothing if it is pinned; raises ``NoteError``."""
    if not pinned_among([str(pk)]):
        if _number(PINNED, SENDER, pk, MOST_PINS) >= MOST_PINS:
            raise NoteError(f"It was pinned {MOST_PINS} times already, and will not be again. Write a note on it.")
        tell_of(PINNED, SENDER, str(pk), f"event {pk}")


def unpin(pk: int) -> None:
    """Take an event's pin away, which is another event; nothing if it has none."""
    if pinned_among([str(pk)]):
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
    """What was said of these events, by id, whatever their number in three queries."""
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
    keys = lately()
    still = pinned_among(keys)
    return of_events([int(key) for key in keys if key in still][:MOST_PINNED])


def _told(found: dict[int, Pins], sender: str) -> dict[int, Pins]:
    keys = [str(pk) for pk in found]
    for event in _rows().filter(pk__in=pinned_among(keys if sender == SENDER else ()).values()):
        found[int(event.object_pk)].pinned = _remark(event)
    notes = _rows().filter(sender=sender, object_pk__in=keys, signal=NOTED).order_by("-pk")[:MOST_READ]
    for event in reversed(notes):
        found[int(event.object_pk)].notes.append(_remark(event))
    return found


def _remark(event: SignalEvent) -> Remark:
    labels = event.labels if isinstance(event.labels, dict) else {}
    return Remark(event.pk, str(labels.get("note", "")), event.actor_repr, event.actor_pk, event.occurred_at)


def _rows() -> QuerySet[SignalEvent]:
    return events().filter(outcome=COMMITTED)


def _number(signal: str, sender: str, pk: int, most: int) -> int:
    """How many of these were said of it, as far as it matters."""
    return _rows().filter(sender=sender, object_pk=str(pk), signal=signal).order_by()[:most].count()


def _check_number(sender: str, pk: int) -> None:
    if _number(NOTED, sender, pk, MOST_NOTES) >= MOST_NOTES:
        raise NoteError(f"There are {MOST_NOTES} notes on it already, and no more are taken.")


def _checked(text: str) -> str:
    found = said(clean(text), pictures=True)
    if not found:
        raise NoteError("A note needs a few words.")
    if len(found) > LONGEST_NOTE:
        raise NoteError(f"The note has {len(found):,} characters; the limit is {LONGEST_NOTE}. Say it shorter.")
    return found
