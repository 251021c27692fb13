"""Reads which traces have ended: their rows in ``SignalTrace``, each soon after it was written.

Rows become visible out of order of their ids, so those of the last seconds are read again. A trace that calls receivers
more than a thousand times writes its row before its end, without a status.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from django.db.models import Exists, OuterRef, QuerySet

from signal_log import clock
from signal_log.models import SignalEvent, SignalTrace
from signal_log.seal.canonical import timestamp

LATE: Final = 5.0
"""Seconds within which every row becomes visible: the statement that writes it may take one."""
LATE_IDS: Final = 1_000
MAX_ROWS: Final = 10_000
MAX_AGAIN: Final = 200
RUNNING_FROM: Final = 100
"""From so many events on, a trace without a status may still be running; no shorter one writes its row early."""
LONGEST: Final = timedelta(minutes=5)
MAX_EVENTS: Final = 50_000


class Unended(NamedTuple):
    """An event whose trace has no row yet."""

    id: int
    mark: str
    trace: str
    at: str


class Ends:
    """The place of one reader of ``SignalTrace``; belongs to one thread."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._marks: deque[tuple[float, int]] = deque()
        self._running: dict[str, None] = {}

    def begin(self, up_to: int) -> tuple[tuple[int, str], list[Unended]]:
        """The events of the last minutes up to an id whose traces have not ended, and the row below the first."""
        newest = self._rows().order_by("-id").values_list("id", flat=True).first() or 0
        self._marks = deque([(clock.monotonic(), max(0, newest - LATE_IDS))])
        row = SignalTrace.objects.using(self._alias).filter(trace_id=OuterRef("trace_id"))
        events = SignalEvent.objects.using(self._alias)
        found = events.filter(
            ~Exists(row), id__gt=up_to - MAX_EVENTS, id__lte=up_to, occurred_at__gte=clock.now() - LONGEST
        )
        names = ("id", "digest", "trace_id", "occurred_at")
        unended = [
            Unended(number, bytes(digest).hex()[:8], str(trace), timestamp(at))
            for number, digest, trace, at in found.order_by("id").values_list(*names)
        ]
        below = events.filter(id__lt=unended[0].id).order_by("-id").values_list("id", "digest") if unended else ()
        lowest = next(((number, bytes(digest).hex()[:8]) for number, digest in below[:1]), (0, ""))
        return lowest, unended

    def look(self, again: Sequence[str] = ()) -> dict[str, str]:
        """The traces that have ended since the last look, and when; those in ``again`` are looked at once more."""
        now = clock.monotonic()
        while len(self._marks) > 1 and self._marks[1][0] < now - LATE:
            self._marks.popleft()
        found = self._found(self._rows().filter(id__gt=self._marks[0][1]).order_by("id")[:MAX_ROWS])
        newest = max((number for number, *_ in found), default=0)
        if len(found) == MAX_ROWS:
            self._marks.clear()  # there is more: go on behind these
        if newest or not self._marks:
            self._marks.append((now, newest))
        asked = list(dict.fromkeys([*again, *self._running]))[:MAX_AGAIN]
        if asked:
            found += self._found(self._rows().filter(trace_id__in=asked))
        return dict(self._ended(found))

    def _rows(self) -> QuerySet[SignalTrace]:
        return SignalTrace.objects.using(self._alias)

    def _found(self, rows: QuerySet[SignalTrace]) -> list[tuple[int, str, str, bool]]:
        names = ("id", "trace_id", "started_at", "duration_us", "status", "events")
        return [
            (number, str(trace), timestamp(began + timedelta(microseconds=us)), bool(status) or events < RUNNING_FROM)
            for number, trace, began, us, status, events in rows.values_list(*names)
        ]

    def _ended(self, found: Iterable[tuple[int, str, str, bool]]) -> Iterable[tuple[str, str]]:
        for _, trace, at, is_over in found:
            if is_over:
                self._running.pop(trace, None)
                yield trace, at
            else:
                self._running[trace] = None
                while len(self._running) > MAX_AGAIN:
                    del self._running[next(iter(self._running))]
