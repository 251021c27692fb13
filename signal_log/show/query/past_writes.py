"""What the search has found written past Django, with the events on both sides, for a list and for one event's page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from signal_log.audit.breaks.continuity import GONE, ROW, THERE
from signal_log.event import UNKNOWN
from signal_log.models import FoundBreak, SignalEvent
from signal_log.show.words.broken import Broken
from signal_log.show.words.diff import side
from signal_log.show.words.operations import Line
from signal_log.show.words.text import visible
from signal_log.store.read import events

EVENTS_A_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Found:
    """An event that is there, and what it found."""

    line: Line
    broken: list[Broken] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PastWrites:
    """A page of the list, newest first, and where it goes on."""

    found: list[Found]
    older: int | None


def read(before: int | None) -> PastWrites:
    """The newest events that found something, below an id if one is given."""
    found = FoundBreak.objects.all() if before is None else FoundBreak.objects.filter(after__lt=before)
    ids = list(found.order_by("-after").values_list("after", flat=True).distinct()[: EVENTS_A_PAGE + 1])
    shown = ids[:EVENTS_A_PAGE]
    return PastWrites(found_by(shown), shown[-1] if len(ids) > EVENTS_A_PAGE else None)


def found_by(ids: Iterable[int]) -> list[Found]:
    """What these events found, newest first; those that are not in the log any more are left out."""
    rows = list(FoundBreak.objects.filter(after__in=list(ids)))
    there = {event.pk: event for event in events().filter(pk__in={n for row in rows for n in (row.before, row.after)})}
    found: dict[int, Found] = {}
    for row in rows:
        if row.after in there:
            if row.after not in found:
                found[row.after] = Found(Line(there[row.after]))
            found[row.after].broken.append(_told(row, there[row.after], there.get(row.before)))
    return list(found.values())


def _told(row: FoundBreak, after: SignalEvent, before: SignalEvent | None) -> Broken:
    if row.field == ROW:
        known, there = (THERE, GONE) if after.created else (GONE, THERE)
    else:
        known, there = _value(before, row.field, 1), _value(after, row.field, 0)
    return Broken(visible(row.field), side(known), side(there), row.before, row.after, row.field == ROW)


def _value(event: SignalEvent | None, name: str, at: int) -> Any:
    """One side of what the event tells of a field; it may be redacted."""
    changes = event.changes if event is not None and isinstance(event.changes, dict) else {}
    change = changes.get(name)
    return change[at] if isinstance(change, list) and len(change) == 2 else UNKNOWN
