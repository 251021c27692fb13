"""Reconstructs one row at a point in time from the logged changes."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from signal_log.audit.breaks.continuity import ENDS, tells
from signal_log.audit.breaks.logged_value import surely_differ
from signal_log.event import BASELINE
from signal_log.models import SignalEvent
from signal_log.show.words.diff import Side, pairs, side
from signal_log.show.words.remarks import is_incomplete, is_untold

EXISTS = "existed"
NOT_YET = "did not exist yet"
NO_LONGER = "no longer existed"
NEVER_SEEN = "has no recorded state"


@dataclass(frozen=True, slots=True)
class Known:
    """A field at that time: its value and the event it comes from, or neither.

    ``later`` means that the value is what the next event after that time found; ``believed``, that the event tells what
    the object believed, not what the row held. ``found`` is what the next change found in the row, if that
    is another value: something wrote it in between, unseen or by a statement that was recorded as a whole.
    """

    name: str
    value: Side | None = None
    event: SignalEvent | None = None
    later: bool = False
    believed: bool = False
    found: Side | None = None
    found_by: SignalEvent | None = None

    @property
    def redacted(self) -> bool:
        """Whether the value was masked by a redaction; otherwise what is masked was never logged."""
        masked = self.value is not None and self.value.style == "masked"
        return masked and self.event is not None and self.event.redacted_at is not None


@dataclass(frozen=True, slots=True)
class State:
    """Whether the row existed, and its fields."""

    presence: str
    fields: list[Known] = field(repr=False)
    last: SignalEvent | None
    looked_back_to: int | None = None
    """The event up to which was looked back, where time was up before all was known."""

    @property
    def unknown(self) -> bool:
        """Whether there are fields of which nothing is known."""
        return any(known.event is None for known in self.fields)


def is_end(event: SignalEvent, ending: Container[str] | None) -> bool:
    """Whether the row was deleted: by a deletion under one of these labels, or under any (None)."""
    return event.signal in ENDS and tells(event) and (ending is None or event.sender in ending)


def state_at(
    before: Iterable[SignalEvent],
    after: Iterable[SignalEvent],
    names: Iterable[str],
    ending: Container[str] | None = None,
    nullable: Callable[[str], Iterable[str]] = lambda _: (),
) -> State:
    """Reconstruct the state from the events up to a time (newest first) and those after it (oldest first).

    ``ending`` are the labels whose deletion ends the row (None: all that it is recorded under). ``nullable`` are the
    recorded fields of a label's model that may be null: those that a creation leaves out were null.
    """
    earlier = [event for event in before if tells(event)]
    later = [event for event in after if tells(event)]
    last = earlier[0] if earlier else None
    presence = _presence(last, later[0] if later else None, ending)
    if presence != EXISTS:
        return State(presence, [], last)
    known: dict[str, Known] = {}
    held: dict[str, Any] = {}
    names = tuple(names)
    for event in earlier:
        if is_end(event, ending):
            break
        for name, _, new in pairs(event.changes):
            if event.signal not in ENDS or name not in names:  # a child that was deleted without its parent
                known.setdefault(name, Known(name, side(new), event, believed=is_untold(event)))
                held.setdefault(name, new)
        if event.created or event.signal == BASELINE:  # it tells of the whole row
            if event.created and isinstance(event.overwrote, list) and not event.raw and not is_incomplete(event):
                for name in nullable(event.sender):
                    known.setdefault(name, Known(name, side(None), event))
                    held.setdefault(name, None)
            break
    changed_since: set[str] = set()
    for event in later:
        if event.created:
            break
        is_baseline = event.signal == BASELINE
        for name, *told in pairs(event.changes):
            if name in changed_since:
                continue
            changed_since.add(name)
            untold, old = is_untold(event), told[is_baseline]
            if name not in known:
                known[name] = Known(name, side(old), event, later=True, believed=untold)
            elif not untold and surely_differ(held[name], old):
                known[name] = replace(known[name], found=side(old), found_by=event)
        if is_baseline or is_end(event, ending):
            break
    order = [*names, *(name for name in known if name not in set(names))]
    return State(presence, [known.get(name, Known(name)) for name in order], last)


def _presence(last: SignalEvent | None, following: SignalEvent | None, ending: Container[str] | None) -> str:
    if last is not None:
        return NO_LONGER if is_end(last, ending) else EXISTS
    if following is None or following.signal == BASELINE:  # it was there before, but nobody knows since when
        return NEVER_SEEN
    return NOT_YET if following.created else EXISTS
