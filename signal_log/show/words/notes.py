"""What people have pinned and noted, for pages and for the live page's panel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from signal_log.audit import pins
from signal_log.audit.pins import Pins, Remark
from signal_log.models import SignalEvent
from signal_log.show.links import event_url, url
from signal_log.show.words.moments import iso
from signal_log.show.words.operations import Line
from signal_log.show.words.text import visible

AT_ONCE: Final = 500
"""Of more events only those are looked at that were pinned lately."""


class Said:
    """A pin or a note, for templates."""

    def __init__(self, remark: Remark) -> None:
        self.text = visible(remark.text)
        self.by = visible(remark.by or remark.by_pk) or "nobody known"
        self.at = remark.at
        self.iso = iso(remark.at)
        self.url = event_url(remark.pk)

    @property
    def as_json(self) -> dict[str, str]:
        """For the live page."""
        return {"text": self.text, "by": self.by, "at": self.iso}


class Told:
    """What was said of an event or of a session, for templates."""

    def __init__(self, said: Pins, post_url: str) -> None:
        self.pinned = Said(said.pinned) if said.pinned else None
        self.notes = [Said(one) for one in said.notes]
        self.post_url = post_url

    @property
    def as_json(self) -> dict[str, Any]:
        """For the live page."""
        return {
            "pinned": self.pinned.as_json if self.pinned else None,
            "notes": [one.as_json for one in self.notes],
        }


def of_event(pk: int) -> Told:
    """What was said of an event."""
    return Told(pins.of_events([pk])[pk], url("event_notes", pk))


def of_session(pk: int) -> Told:
    """What was said of a recorded session."""
    return Told(pins.of_session(pk), url("session_notes", pk))


def said_among(found: Iterable[SignalEvent]) -> list[tuple[Line, Told]]:
    """Those of these events of which something was said, with it."""
    by_pk = {event.pk: event for event in found}
    pks = list(by_pk) if len(by_pk) <= AT_ONCE else [pk for pk in pins.newest() if pk in by_pk]
    said = pins.of_events(pks)
    return [(Line(by_pk[pk]), Told(one, url("event_notes", pk))) for pk, one in said.items() if one]
