"""What an export reads: the events that were committed at one moment, oldest first, while the log goes on.

The log is append-only, so that moment is told by its newest id and by the ids missing below it, which may still be
committed. Nothing else is held: each page is a statement of its own, and no transaction stays open meanwhile.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connections

from signal_log.conf import conf
from signal_log.filters import Filters
from signal_log.models import SignalEvent
from signal_log.seal.canonical import timestamp
from signal_log.store.span import LARGEST_ID, Span, selected, walk

VERSION: Final = 1
PAGE: Final = 1_000
"""Events in memory at a time."""
LOOK_BACK: Final = 100_000
"""Ids below the newest in which a missing one is taken for an event that may still be committed."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for: filters, a span of time, and ids (not included) between which to look."""

    filters: Filters = field(default_factory=Filters)
    since: datetime | None = None
    until: datetime | None = None
    after: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of the log: its newest and its oldest id, and ranges of ids between that no committed event had."""

    at: datetime
    up_to: int
    oldest: int = 1
    missing: tuple[tuple[int, int], ...] = ()

    def holds(self, number: int) -> bool:
        """Whether an event that is in the log now was in it then."""
        place = bisect_right(self.missing, (number, LARGEST_ID)) - 1
        return self.oldest <= number <= self.up_to and (place < 0 or number > self.missing[place][1])


@dataclass(frozen=True, slots=True)
class Export:
    """A selection of the log as it was at a moment."""

    selection: Selection
    moment: Moment

    @classmethod
    def begin(cls, selection: Selection) -> Export:
        """An export of the log as it is now."""
        return cls(selection, moment_of_log())

    def about(self) -> dict[str, Any]:
        """What the export holds, as its file tells it."""
        asked, moment = self.selection, self.moment
        filters = {key: list(texts) for key, texts in asked.filters.wanted.items()}
        for key, texts in asked.filters.excluded.items():
            filters[key] = [*filters.get(key, ()), *(f"!{text}" for text in texts)]
        return {
            "version": VERSION,
            "filters": filters,
            "since": asked.since and timestamp(asked.since),
            "until": asked.until and timestamp(asked.until),
            "after": asked.after,
            "before": asked.before,
            "order": "oldest first",
            "at": timestamp(moment.at),
            "up_to": moment.up_to,
            "missing": moment.missing,
        }

    def pages(self) -> Iterator[list[SignalEvent]]:
        """The events in order of id, a page at a time; an empty one where a stretch of the log held none."""
        asked = self.selection
        found, span = selected(asked.filters, asked.since, asked.until)
        top = min(span.high, self.moment.up_to, LARGEST_ID if asked.before is None else asked.before - 1)
        span = Span(span.low, top, span.scan)
        for page, _ in walk(found, span, asked.after or 0, PAGE, upwards=True):
            yield [event for event in page if self.moment.holds(event.pk)]


def moment_of_log() -> Moment:
    """The ends of the log and the ids missing below the newest, as one statement saw them."""
    connection = connections[conf.DATABASE]
    table = connection.ops.quote_name(SignalEvent._meta.db_table)
    at = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, above, (SELECT min(id) FROM {table}) FROM"  # noqa: S608  the table's own name, quoted
            f" (SELECT id, lead(id) OVER (ORDER BY id) AS above FROM {table}"
            f" WHERE id >= (SELECT max(id) FROM {table}) - %s) AS newest"
            f" WHERE above IS NULL OR above > id + 1 ORDER BY id",
            [LOOK_BACK],
        )
        edges = cursor.fetchall()
    if not edges:
        return Moment(at, 0)
    newest, _, oldest = edges[-1]
    return Moment(at, newest, oldest, tuple((low + 1, above - 1) for low, above, _ in edges[:-1]))
