"""The breaks that the search has found, for pages; they end with the events that they are between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from signal_log.audit.breaks.continuity import Break
from signal_log.models import BreakState, FoundBreak, SignalEvent

MOST_COUNTED: Final = 1_000

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Lately:
    """What was written past Django as the events above an id have found it."""

    fields: dict[int, list[str]]
    """By event, the newest first; at most ``MOST_COUNTED``."""
    skipped: Sequence[Range]
    """Ranges of ids that nobody looked at."""
    looked_to: int


def since(after: int) -> Lately:
    """What was found by the events above an id."""
    fields: dict[int, list[str]] = {}
    for event, name in FoundBreak.objects.filter(after__gt=after).values_list("after", "field")[:MOST_COUNTED]:
        fields.setdefault(event, []).append(name)
    state = BreakState.objects.first()
    skipped = [(max(first, after + 1), last) for first, last in state.skipped if last > after] if state else []
    return Lately(fields, skipped, state.last_id if state else 0)


def mark(events: Iterable[SignalEvent], known: Iterable[Break] = ()) -> None:
    """Have events say what they found, in one query; ``known`` are breaks that were just looked for."""
    by_id = {event.pk: event for event in events}
    found = {(one.after, one.field) for one in known if one.after in by_id}
    if by_id:
        found.update(FoundBreak.objects.filter(after__in=list(by_id)).values_list("after", "field"))
    for number, name in sorted(found):
        by_id[number].past = [*by_id[number].past, name]


def forget(up_to: int) -> None:
    """Events up to this id were pruned: between two that are left there may have been others."""
    FoundBreak.objects.filter(before__lte=up_to).delete()
