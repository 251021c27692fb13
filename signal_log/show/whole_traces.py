"""Holds events back until all of their trace have been read, so that a reader of pages tells each trace once.

What is read in pages cuts traces in two. A trace of which the log has more than has been read waits for the rest, as
long as there is room; how it ended is told after its last event.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from django.db.models import Max

from signal_log import clock
from signal_log.models import SignalTrace
from signal_log.store.ended_traces import RUNNING_FROM
from signal_log.store.read import events
from signal_log.tail.following import Read, Rows
from signal_log.telemetry.read import MOST_TRACES, trace_rows

MOST_HELD: Final = 10_000
"""So many events wait at most; then those of the oldest trace are told without the rest, or with ``slow`` let go."""
END_WITHIN: Final = 2.0
"""So many seconds after its last event a trace's end is still told; telemetry is written when the trace is over."""
MOST_TOLD: Final = 10_000


class Part(NamedTuple):
    """Events of one trace, in the order of the log, and its row if it has ended and these are its last."""

    trace: str
    rows: Rows
    end: SignalTrace | None = None


class WholeTraces:
    """Events as they are read, handed on trace by trace; with ``slow_us`` only traces that took so long."""

    def __init__(self, slow_us: int | None = None) -> None:
        self._slow_us = slow_us
        self._held: dict[str, Rows] = {}
        self._newest: dict[str, int] = {}
        """The newest ids of traces, as they were looked up."""
        self._final: set[str] = set()
        """Those that were looked up when they had ended."""
        self._awaited: OrderedDict[str, float] = OrderedDict()
        """When the last events of a trace were handed on whose end is still to come."""
        self._told: OrderedDict[str, None] = OrderedDict()
        """Whose end has been handed on."""

    def add(self, read: Read) -> list[Part]:
        """What can be told after this read. If the database fails nothing is lost: the next call tells it."""
        for row in read.rows:
            self._held.setdefault(row["trace_id"], []).append(row)
        ended = self._look_up(read)
        over = {trace for trace in ended if self._newest.get(trace, 0) <= read.reached}
        if self._slow_us is None:
            due = [trace for trace in self._held if not read.more or self._newest.get(trace, 0) <= read.reached]
        else:
            due = [trace for trace in self._held if trace in over]
        untold = over.difference(self._told)
        parts = [Part(one, self._held.pop(one), ended[one] if one in untold else None) for one in due]
        if self._slow_us is None:
            parts += [Part(one, [], ended[one]) for one in self._awaited if one in untold and one not in due]
            parts += [Part(one, rows) for one, rows in self._beyond()]
        else:
            parts = [part for part in parts if ended[part.trace].duration_us >= self._slow_us]
            self._forget(trace for trace, _ in self._beyond())
        self._forget(due)
        self._note(parts)
        return parts

    def _look_up(self, read: Read) -> dict[str, SignalTrace]:
        """The rows of traces that have ended, of those held and awaited; and how far these and others go."""
        since = clock.monotonic() - END_WITHIN
        while self._awaited and next(iter(self._awaited.values())) < since:
            self._awaited.popitem(last=False)
        asked = list(dict.fromkeys((*self._held, *self._awaited)))
        rows = [row for some in _portions(asked) for row in trace_rows(some)]
        ended = {str(row.trace_id): row for row in rows if row.status or row.events < RUNNING_FROM}
        unknown = [trace for trace in self._held if read.more and trace not in self._newest]
        for some in _portions(list(dict.fromkeys((*unknown, *ended.keys() - self._final)))):
            found = events().filter(trace_id__in=some).order_by().values_list("trace_id").annotate(Max("id"))
            self._newest.update((str(trace), newest) for trace, newest in found)
        self._final.update(ended)
        return ended

    def _beyond(self) -> Iterator[tuple[str, Rows]]:
        """The oldest, for which there is no more room."""
        number = sum(map(len, self._held.values()))
        while number > MOST_HELD:
            trace = next(iter(self._held))
            rows = self._held.pop(trace)
            number -= len(rows)
            yield trace, rows

    def _forget(self, traces: Iterable[str]) -> None:
        for trace in traces:
            self._newest.pop(trace, None)
            self._final.discard(trace)

    def _note(self, parts: Iterable[Part]) -> None:
        for trace, _, end in parts:
            self._awaited.pop(trace, None)
            if end is not None:
                self._told[trace] = None
                self._forget([trace])
            elif trace not in self._told:
                self._awaited[trace] = clock.monotonic()
        for kept, most in ((self._told, MOST_TOLD), (self._awaited, MOST_TRACES)):
            while len(kept) > most:
                kept.popitem(last=False)


def _portions(traces: list[str]) -> Iterator[list[str]]:
    return (traces[at : at + MOST_TRACES] for at in range(0, len(traces), MOST_TRACES))
