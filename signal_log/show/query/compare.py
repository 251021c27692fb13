"""Computes the net change of one row between two of its events, and reads which two are meant: events, or moments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.http import QueryDict

from signal_log import clock
from signal_log.audit.breaks.continuity import tells
from signal_log.errors import FilterError
from signal_log.event import MASK
from signal_log.models import SignalEvent
from signal_log.show.query.query import event_number
from signal_log.show.words.diff import FieldDiff, field_diffs, pairs
from signal_log.show.words.moments import parse_moment
from signal_log.show.words.short import is_unknown
from signal_log.store.span import Events

KEYS: Final = ("from", "to")
MAX_BETWEEN: Final = 5_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two events of a row, older first, with the net change between them (including the second)."""

    first: SignalEvent
    second: SignalEvent
    diffs: list[FieldDiff] = field(repr=False)
    operations: int


def moments(given: QueryDict) -> tuple[datetime, datetime] | None:
    """The two moments given by ``?from=`` and ``?to=``, older first; None if they are events' numbers, or not given.

    Without the other one, ``to`` is now. Raises ``ValueError`` with a user-facing message.
    """
    texts = {key: given.get(key, "").strip() for key in KEYS}
    if not any(text and not _is_number(text) for text in texts.values()):
        return None
    found = []
    for key, text in texts.items():
        if _is_number(text):
            raise FilterError("'from' and 'to' must be two times, or the numbers of two events.")
        try:
            moment = parse_moment(key, text)
        except FilterError as error:
            raise FilterError(f"'{key}' must be an event number, or a time. {error}") from None
        found.append(moment or clock.now())
    if found[0] == found[1]:
        raise ValueError("Choose two different moments to compare.")
    return min(found), max(found)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def compared(recorded: Events, given: QueryDict) -> Comparison | None:
    """Compare the events given by ``?from=`` and ``?to=``, in either order; None if neither is given.

    ``recorded`` is all events of the row. Raises ``ValueError`` with a user-facing message.
    """
    if not any(given.get(key) for key in KEYS):
        return None
    ids = sorted({event_number(key, given.get(key, "")) for key in KEYS})
    if len(ids) == 1:
        raise ValueError("Choose two different events to compare.")
    first, second = (recorded.filter(pk=number).first() for number in ids)
    if first is None or second is None or not (tells(first) and tells(second)):
        raise ValueError("Only committed changes of this object can be compared. Choose two from its history.")
    between = recorded.filter(pk__gt=first.pk, pk__lte=second.pk).order_by("pk")
    events = [event for event in between[: MAX_BETWEEN + 1] if tells(event)]
    if len(events) > MAX_BETWEEN or events[-1].pk != second.pk:
        raise ValueError(
            f"There are more than {MAX_BETWEEN:,} events between the two. Choose two that are closer together."
        )
    return Comparison(first, second, field_diffs(net(events), "compared"), len(events))


def net(events: Iterable[SignalEvent]) -> Mapping[str, list[object]]:
    """The net changes of these events, oldest first, without fields that end as they began.

    Fields with a masked or unknown end are always included.
    """
    sides: dict[str, list[object]] = {}
    for event in events:
        for name, old, new in pairs(event.changes):
            sides.setdefault(name, [old, None])[1] = new
    return {
        name: pair for name, pair in sides.items() if pair[0] != pair[1] or MASK in pair or any(map(is_unknown, pair))
    }
