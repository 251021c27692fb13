"""What has to be said of how an event was recorded; the live page says the same (``events/remarks.js``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from signal_log.audit.breaks.continuity import ROW
from signal_log.event import COMMITTED, INCOMPLETE, Event
from signal_log.models import SignalEvent
from signal_log.show.words import kinds
from signal_log.show.words.diff import is_stamp, pairs
from signal_log.show.words.short import short
from signal_log.show.words.text import one_line, visible

BY_HAND_WORDS: Final = "Sent by hand: no save or delete sent this signal."
UNTOLD_WORDS: Final = "The database did not tell what the row held; these are the values that the object believed."
MOST_FIELDS: Final = 3
LONGEST_NAME, LONGEST_VALUE = 40, 24


def remark(event: Event | SignalEvent) -> str:
    """The one that is short enough for a line, usually none; a stamp is overwritten by every save, and no loss."""
    if is_incomplete(event):
        return "not fully recorded"
    changed = [name for name, _, _ in pairs(event.changes) if not is_stamp(name)]
    return "; ".join(filter(None, [_overwrite(event, lost(event), changed), past(event)]))


def remarks(event: Event | SignalEvent) -> list[str]:
    """Sentences, usually none."""
    if kinds.is_by_hand(event):
        said = [BY_HAND_WORDS]
    elif is_untold(event):
        said = [UNTOLD_WORDS]
    else:
        texts = (_overwrite(event, unseen(event), [name for name, _, _ in pairs(event.changes)]), past(event))
        said = [f"{text[0].upper()}{text[1:]}." for text in texts if text]
    return [*said, visible(event.error)] if is_incomplete(event) else said


def unseen(event: Event | SignalEvent) -> list[str]:
    """The fields whose value the writer of a committed save or delete had not seen."""
    if event.signal not in kinds.POST or event.outcome != COMMITTED or not isinstance(event.overwrote, list):
        return []
    return [] if kinds.is_by_hand(event) else [name for name in event.overwrote if isinstance(name, str)]


def lost(event: Event | SignalEvent) -> list[str]:
    """Those of them that are more than a stamp."""
    return [name for name in unseen(event) if not is_stamp(name)]


def past(event: Event | SignalEvent) -> str:
    """``found stock written past Django``, where that is known of the event; else empty."""
    names = ["the row itself" if name == ROW else one_line(name, LONGEST_NAME) for name in getattr(event, "past", ())]
    return f"found {_listed(names, len(names))} written past Django" if names else ""


def _listed(told: Sequence[str], number: int) -> str:
    """``a, b and 2 more``, of which there are so many."""
    named = [*told[:MOST_FIELDS], *([f"{number - MOST_FIELDS} more"] if number > MOST_FIELDS else ())]
    return " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))


def _overwrite(event: Event | SignalEvent, names: list[str], changed: list[str]) -> str:
    """``overwrote 7, which it had not seen``; with the names of the fields if several changed; empty without any."""
    if not names:
        return ""
    held = {name: old for name, old, _ in pairs(event.changes)}
    alone = len(names) == 1 and changed == names
    told = [_told(name, held, alone=alone) for name in names[:MOST_FIELDS]]
    done = "deleted" if kinds.verb(event) == "deleted" else "overwrote"
    return f"{done} {_listed(told, len(names))}, which it had not seen"


def is_untold(event: Event | SignalEvent) -> bool:
    """Whether this is a post event that holds believed values, because the database did not tell."""
    is_post = event.signal in kinds.POST and not kinds.is_by_hand(event)
    return is_post and event.overwrote is None and not is_incomplete(event) and not _is_redacted(event)


def is_incomplete(event: Event | SignalEvent) -> bool:
    """Whether the recorder failed to build all of this event, of which nothing else failed."""
    return event.outcome == COMMITTED and event.error.startswith(INCOMPLETE)


def failure(event: Event | SignalEvent) -> str:
    """The error that the event tells of; not one of the recorder's own, which is a remark."""
    return "" if is_incomplete(event) else event.error


def _told(name: str, held: dict[str, object], *, alone: bool) -> str:
    value = short(held.get(name), LONGEST_VALUE)
    return value if alone else f"{one_line(name, LONGEST_NAME)} {value}"


def _is_redacted(event: Event | SignalEvent) -> bool:
    return getattr(event, "redacted_at", None) is not None
