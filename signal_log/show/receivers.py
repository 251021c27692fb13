"""The receivers that an event recorded, with their times and errors."""

from __future__ import annotations

from typing import Any

from signal_log.event import Event
from signal_log.models import SignalEvent
from signal_log.show.text import duration, one_line


def calls(event: SignalEvent | Event) -> list[tuple[str, int | None, str]]:
    """Name, microseconds and error of each receiver; a row that somebody else wrote may hold anything."""
    found = []
    for entry in event.receivers if isinstance(event.receivers, list) else ():
        if isinstance(entry, dict):
            taken = entry.get("duration_us")
            number = taken if isinstance(taken, int) else None
            found.append((str(entry.get("receiver") or ""), number, str(entry.get("error") or "")))
    return found


def receivers_of(event: SignalEvent | Event) -> list[dict[str, Any]]:
    """The receivers of an event, for people."""
    return [
        {"name": one_line(name, 300), "time": duration(taken), "error": one_line(error, 2_000)}
        for name, taken, error in calls(event)
    ]
