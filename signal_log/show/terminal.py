"""Tells committed events on a terminal, trace by trace: a head, its operations below their causes, and how it ended."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from django.utils import timezone

from signal_log.amounts import counted
from signal_log.event import FAILED, ROLLED_BACK, Event
from signal_log.models import SignalTrace
from signal_log.show.cascade.lines import SIGNS, Line, as_text, told
from signal_log.show.cascade.operation import Cascade, cascade_of
from signal_log.show.words.kinds import actor_name, begun_by
from signal_log.show.words.text import duration, one_line

WIDE: Final = 100
"""A terminal with fewer columns gets the narrow form."""
MOST_TRACES: Final = 500
MOST_LEVELS: Final = 200_000
"""What is kept of traces, and of their events, so that what they cause later is told in its place."""

_COLOURS: Final = {
    "created": "32", "updated": "34", "deleted": "31", "m2m": "35", "silent": "33", "signal": "36",
    FAILED: "1;31", ROLLED_BACK: "33",
}  # fmt: skip
_DIM: Final = "2"


class Teller:
    """Makes the lines; remembers what it has said of which trace."""

    def __init__(self, *, narrow: bool = False, colour: bool = False) -> None:
        self._narrow = narrow
        self._colour = colour
        self._levels: OrderedDict[str, dict[int, int]] = OrderedDict()
        """By trace, the levels of what was told of it, by the positions of its events."""
        self._kept = 0
        self._current = ""

    def events(self, events: Iterable[Event]) -> Iterator[str]:
        """The lines of these events, trace by trace."""
        traces: dict[str, list[Event]] = {}
        for event in events:
            traces.setdefault(event.trace_id, []).append(event)
        for trace, of_trace in traces.items():
            yield from self._operations(trace, of_trace)

    def ended(self, row: SignalTrace) -> Iterator[str]:
        """The line of a trace that is over, if anything was told of it."""
        trace = str(row.trace_id)
        if trace in self._levels:
            name = "" if trace == self._current else f"trace {trace[-8:]} · "
            gap = " " if self._narrow else "  "
            yield self._painted(_DIM, f"{gap}={gap}{name}{_end(row, narrow=self._narrow)}")
            self._current = ""

    def _operations(self, trace: str, events: Sequence[Event]) -> Iterator[str]:
        is_known = trace in self._levels
        levels = self._levels.setdefault(trace, {})
        self._levels.move_to_end(trace)
        new = [event for event in events if event.position == event.operation or event.operation not in levels]
        cascade = cascade_of(new)
        lines = told(cascade, levels=levels)
        if lines and trace != self._current:
            yield self._head(events[0], continued=is_known)
            self._current = trace
        self._keep(levels, cascade, [event for event in events if event.operation in levels])
        for line in lines:
            yield self._line(line)

    def _keep(self, levels: dict[int, int], cascade: Cascade, late: Sequence[Event]) -> None:
        """Note the levels of these operations, and of events whose operations were told before."""
        before = len(levels)
        levels.update((event.position, levels[event.operation]) for event in late)
        for operation in cascade.operations:  # causes before effects
            cause = operation.first.parent_position
            level = 0 if cause is None else levels.get(cause, -1) + 1
            levels.update((event.position, level) for event in operation.events)
        self._kept += len(levels) - before
        while len(self._levels) > MOST_TRACES or (self._kept > MOST_LEVELS and len(self._levels) > 1):
            self._kept -= len(self._levels.popitem(last=False)[1])
        while self._kept > MOST_LEVELS:
            del levels[next(iter(levels))]
            self._kept -= 1

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
        return f"{status} {took}, {counted(row.operations, 'op')}"
    parts = [f"{status} in {took}", counted(row.operations, "operation")]
    parts += [f"{number:,} {word}" for number, word in ((row.failed, "failed"), (row.silent, "silent")) if number]
    return " · ".join(parts)
