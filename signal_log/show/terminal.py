"""Tells committed events on a terminal, trace by trace: a head, its operations below their causes, and how it ended."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from django.utils import timezone

from signal_log import clock
from signal_log.event import FAILED, ROLLED_BACK, Event
from signal_log.models import SignalTrace
from signal_log.show.cascade.operation import cascade_of
from signal_log.show.cascade.told import SIGNS, Line, as_text, told
from signal_log.show.words.kinds import actor_name, begun_by
from signal_log.show.words.text import duration, one_line

WIDE: Final = 100
"""A terminal with fewer columns gets the narrow form."""
END_WITHIN: Final = 2.0
"""So many seconds after its last event a trace's end is still told; telemetry is written when the trace is over."""
MOST_TRACES: Final = 500
MOST_LEVELS: Final = 10_000
"""What is kept of traces, and of one trace, so that what it causes later is told in its place."""

_COLOURS: Final = {
    "created": "32", "updated": "34", "deleted": "31", "m2m": "35", "silent": "33", "signal": "36",
    FAILED: "1;31", ROLLED_BACK: "33",
}  # fmt: skip
_DIM: Final = "2"


@dataclass(slots=True)
class _Told:
    levels: dict[int, int] = field(default_factory=dict)
    at: float = 0.0


class Teller:
    """Makes the lines; remembers what it has said of which trace."""

    def __init__(self, *, narrow: bool = False, colour: bool = False) -> None:
        self._narrow = narrow
        self._colour = colour
        self._traces: OrderedDict[str, _Told] = OrderedDict()
        self._current = ""

    def events(self, events: Iterable[Event]) -> Iterator[str]:
        """The lines of events that were committed together, or nearly."""
        for trace, group in groupby(sorted(events, key=lambda event: event.trace_id), key=lambda event: event.trace_id):
            yield from self._operations(trace, list(group))

    def unended(self) -> list[str]:
        """The traces whose end has not been told and is still awaited."""
        since = clock.monotonic() - END_WITHIN
        return [trace for trace, one in self._traces.items() if one.at >= since]

    def ended(self, rows: Iterable[SignalTrace]) -> Iterator[str]:
        """The lines of traces that are over."""
        for row in rows:
            trace = str(row.trace_id)
            if self._traces.pop(trace, None) is None:
                continue
            name = "" if trace == self._current else f"trace {trace[-8:]} · "
            gap = " " if self._narrow else "  "
            yield self._painted(_DIM, f"{gap}={gap}{name}{_end(row, narrow=self._narrow)}")
            self._current = ""

    def _operations(self, trace: str, events: Sequence[Event]) -> Iterator[str]:
        known = self._traces.get(trace)
        lines = told(cascade_of(events), levels=known.levels if known else {})
        if not lines:
            return
        if trace != self._current:
            yield self._head(events[0], continued=known is not None)
        self._current = trace
        if known is None:
            known = self._traces[trace] = _Told()
            while len(self._traces) > MOST_TRACES:
                self._traces.popitem(last=False)
        self._traces.move_to_end(trace)
        known.at = clock.monotonic()
        level_at = {line.position: line.level for line in lines}
        for event in events:
            if len(known.levels) < MOST_LEVELS and event.operation in level_at:
                known.levels[event.position] = level_at[event.operation]
        for line in lines:
            yield self._line(line)

    def _head(self, event: Event, *, continued: bool) -> str:
        when = timezone.localtime(event.occurred_at).strftime("%H:%M:%S.%f")[:-3]
        begun = one_line(begun_by(event.method, event.path, event.source), 120)
        actor = one_line(actor_name(event.actor_repr, event.actor_pk, event.source), 60)
        more = " (continued)" if continued else ""
        if self._narrow:
            return self._painted("1", f"{when[:-4]} {begun} {actor}{more}")
        return self._painted("1", f"{when} {begun} · {actor} · trace {event.trace_id[-8:]}{more}")

    def _line(self, line: Line) -> str:
        text = as_text(line, narrow=self._narrow)
        sign = self._painted(_COLOURS[line.kind], SIGNS[line.kind])
        if line.kind == FAILED:
            text = self._painted(_COLOURS[FAILED], text)
        return f" {sign} {text}" if self._narrow else f"  {sign}  {text}"

    def _painted(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _end(row: SignalTrace, *, narrow: bool) -> str:
    status = one_line(row.status, 60) or "ended"
    if row.source.startswith("command:") and status.isdigit():
        status = f"exit {status}"
    took = duration(row.duration_us)
    if narrow:
        return f"{status} {took}, {row.operations:,} ops"
    parts = [f"{status} in {took}", f"{row.operations:,} operation{'' if row.operations == 1 else 's'}"]
    parts += [f"{number:,} {word}" for number, word in ((row.failed, "failed"), (row.silent, "silent")) if number]
    return " · ".join(parts)
