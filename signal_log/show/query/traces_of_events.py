"""The traces that have an event of which a query of the history is true: of its newest matches, for about a second."""

from __future__ import annotations

import uuid
from typing import Final, NamedTuple

from signal_log import clock
from signal_log.filters import Filters
from signal_log.moments import parse_moment
from signal_log.store.span import LARGEST_ID, selected, walk

MOST: Final = 1_000
SECONDS: Final = 1.0


class TracesOfEvents(NamedTuple):
    """Their ids; ``searched_to`` is the event down to which the log was looked through, None if all of it was."""

    ids: list[uuid.UUID]
    searched_to: int | None = None


def traces_of_events(filters: Filters) -> TracesOfEvents:
    """Look for the newest traces with a match; raises ``FilterError`` for a moment that no calendar has."""
    since, until = parse_moment("since", filters.since or ""), parse_moment("until", filters.until or "")
    matching, span = selected(filters, since, until)
    deadline = clock.monotonic() + SECONDS
    ids: dict[uuid.UUID, None] = {}
    for chunk, reached in walk(matching.only("trace_id"), span, LARGEST_ID, MOST, upwards=False):
        ids |= dict.fromkeys(event.trace_id for event in chunk)
        if (len(ids) >= MOST or clock.monotonic() > deadline) and reached > max(span.low, 1):
            return TracesOfEvents([*ids][:MOST], reached)
    return TracesOfEvents([*ids])
