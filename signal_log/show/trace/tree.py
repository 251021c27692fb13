"""Lays a trace's cascade out as indented rows with bars on one time axis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from signal_log.models import SignalEvent
from signal_log.show.trace.receivers import STANDS, Known, standing_of, stands, time_taken
from signal_log.show.trace.tree_row import Row
from signal_log.show.words import kinds
from signal_log.show.words.remarks import failure, remark
from signal_log.show.words.text import duration, one_line

AXIS: Final = 1_000
THINNEST: Final = 0.001
"""Browsers do not draw a bar of zero width."""
FOLD_ABOVE: Final = 5
"""Up to this many adjacent equal operations are shown individually; more are folded."""
SAMPLES: Final = 3
"""How many of the folded operations are still shown."""

NOTHING_KNOWN: Final[Mapping[Any, Any]] = {}


@dataclass(slots=True)
class Operation:
    """The events of one save or delete, in order."""

    events: list[SignalEvent] = field(default_factory=list)
    depth: int = 1
    inner_end: datetime | None = None
    """When the last of what it caused finished."""
    shape: int = 0
    """A number shared by equal operations: those with the same action and the same subtree."""

    @property
    def first(self) -> SignalEvent:
        """The event that opened it."""
        return self.events[0]

    @property
    def last(self) -> SignalEvent:
        """The event with its result."""
        return self.events[-1]

    @property
    def start(self) -> datetime:
        """When its first signal fired."""
        return self.first.occurred_at

    @property
    def end(self) -> datetime:
        """When the receivers of its last signal finished."""
        ends = [_end(event) for event in self.events]
        return max(ends if self.inner_end is None else [*ends, self.inner_end])

    @property
    def action(self) -> str:
        """The action: save, delete, m2m, or an extra signal's name."""
        return kinds.action(self.last)

    def alike(self, known: Known) -> tuple[Any, ...]:
        """A key for equality: the action, and which receivers ran and whether they failed or were slow."""
        event = self.last
        ran = tuple(
            (call.receiver, bool(call.error), bool((stood := standing_of(call, known)) and stood.slow))
            for one in self.events
            for call in one.calls
        )
        return (self.action, event.sender, event.caused_by, event.outcome, event.created, _kind_of(self.remark), ran)

    @property
    def remark(self) -> str:
        """What has to be said of how it was recorded, most often nothing."""
        return remark(self.last) or remark(self.first)


class Tree:
    """The events of one trace, ordered by position, as nested operations; ``fold`` groups equal ones."""

    def __init__(self, events: Sequence[SignalEvent], known: Known = NOTHING_KNOWN, *, fold: bool = True) -> None:
        self._known = known
        self._fold = fold
        grouped: dict[int, Operation] = defaultdict(Operation)
        for event in sorted(events, key=lambda event: event.position):
            grouped[event.operation].events.append(event)
        self.operations = list(grouped.values())
        above = {event.position: op for op in self.operations for event in op.events}
        for op in reversed(self.operations):  # effects have higher positions than their causes
            cause = above.get(op.first.parent_position or 0)
            if cause is not None and cause.first.position < op.first.position:
                cause.inner_end = max(op.end, cause.inner_end or op.end)
        self.start = min((op.start for op in self.operations), default=None)
        self.end = max((op.end for op in self.operations), default=None)
        self.roots: list[Operation] = []
        self.orphans: dict[int, list[Operation]] = defaultdict(list)
        self._below: dict[int, list[Operation]] = defaultdict(list)
        for op in self.operations:
            parent = op.first.parent_position
            if parent is None:
                self.roots.append(op)
            elif parent in above and parent < op.first.position:
                self._below[parent].append(op)
                op.depth = above[parent].depth + 1
            else:
                self.orphans[parent].append(op)
        self._shapes()

    @property
    def total_us(self) -> int:
        """The time from the first signal to the end of the last, in microseconds."""
        return _us(self.end - self.start) if self.start and self.end else 0

    @property
    def depth(self) -> int:
        """The maximum nesting depth."""
        return max((op.depth for op in self.operations), default=0)

    def rows(self) -> Iterator[Row]:
        """All rows, top to bottom; level 1 is the request's own operations."""
        yield from self._siblings(self.roots, 1)
        for parent, operations in sorted(self.orphans.items()):
            yield Row("missing", 1, f"parent not recorded (position {parent})")
            yield from self._siblings(operations, 2)

    def rows_of(self, operation: int) -> Iterator[Row]:
        """The rows of one operation and its subtree."""
        for op in self.operations:
            if op.first.operation == operation:
                yield from self._operation(op, 0)

    def _shapes(self) -> None:
        numbers: dict[Any, int] = {}
        for op in reversed(self.operations):  # descendants have higher positions
            inside = tuple(tuple(child.shape for child in self._below.get(e.position, ())) for e in op.events)
            op.shape = numbers.setdefault((op.alike(self._known), inside), len(numbers))

    def _siblings(self, operations: Iterable[Operation], level: int) -> Iterator[Row]:
        for _, equal in groupby(operations, key=lambda op: op.shape):
            alike = list(equal)
            if self._fold and len(alike) > FOLD_ABOVE:
                yield from self._many(alike, level)
            else:
                for op in alike:
                    yield from self._operation(op, level)

    def _many(self, operations: list[Operation], level: int) -> Iterator[Row]:
        last = operations[-1]
        taken = sum(_us(op.end - op.start) for op in operations)
        yield Row(
            "many", level, f"{len(operations):,} × {last.action}", _style(last.last),
            *self._bar(operations[0].start, max(op.end for op in operations)), _time(taken), event=last.last,
            remark=_of_many({op.remark for op in operations}),
        )  # fmt: skip
        for op in operations[:SAMPLES]:
            yield from self._operation(op, level + 1)
        yield Row("more", level + 1, f"{len(operations) - SAMPLES:,} more like these", event=last.last)

    def _operation(self, op: Operation, level: int) -> Iterator[Row]:
        taken = _us(op.end - op.start)
        inside = [event for event in op.events if event.calls or self._below.get(event.position)]
        own = duration(max(0, taken - sum(_us(self._end_of(e) - e.occurred_at) for e in inside))) if inside else ""
        yield Row(
            "operation", level, op.action, _style(op.last), *self._bar(op.start, op.end), _time(taken), own,
            one_line(failure(op.last) or failure(op.first), 200), op.last, remark=op.remark,
        )  # fmt: skip
        for event in inside:
            yield from self._signal(event, level + 1)

    def _signal(self, event: SignalEvent, level: int) -> Iterator[Row]:
        end = self._end_of(event)
        yield Row(
            "signal", level, one_line(kinds.short_name(event.signal)), "", *self._bar(event.occurred_at, end),
            duration(_us(end - event.occurred_at)), event=event,
        )  # fmt: skip
        caused: dict[str, list[Operation]] = defaultdict(list)
        for op in self._below.get(event.position, ()):
            caused[op.first.caused_by].append(op)
        for call in event.calls:
            mine = caused.pop(call.receiver, [])
            start = event.occurred_at + timedelta(microseconds=call.started_us - event.calls[0].started_us)
            if mine:
                start = min(start, mine[0].start)
            taken = timedelta(microseconds=call.duration_us)
            spent = sum(_us(op.end - op.start) for op in mine)
            yield Row(
                "receiver", level + 1, one_line(call.receiver, 200), "",
                *self._bar(start, max([start + taken, *(op.end for op in mine)])), duration(call.duration_us),
                duration(max(0, call.duration_us - spent)) if mine else "",
                one_line(f"{call.error} · {STANDS}" if stands(event, call) else call.error, 200),
                standing=standing_of(call, self._known),
            )  # fmt: skip
            yield from self._siblings(mine, level + 2)
        for name, mine in caused.items():
            yield Row("receiver", level + 1, one_line(name, 200) or "receiver not recorded", time="not timed")
            yield from self._siblings(mine, level + 2)

    def _end_of(self, event: SignalEvent) -> datetime:
        """When its receivers and what they caused finished."""
        return max([_end(event), *(op.end for op in self._below.get(event.position, ()))])

    def _bar(self, start: datetime, end: datetime) -> tuple[float, float]:
        if self.start is None or not self.total_us:
            return 0, AXIS
        x, width = (_us(span) / self.total_us * AXIS for span in (start - self.start, end - start))
        return round(x, 3), max(THINNEST, round(min(width, AXIS - x), 3))


def _kind_of(remark: str) -> str:
    """What equal remarks begin with, whatever values they tell."""
    return remark.partition(" ")[0]


def _of_many(remarks: set[str]) -> str:
    """The remark of equal operations, without their values where these differ."""
    first = min(remarks)
    return first if len(remarks) == 1 else f"{_kind_of(first)} what it had not seen"


def _style(event: SignalEvent) -> str:
    return kinds.kind(event).style


def _end(event: SignalEvent) -> datetime:
    return event.occurred_at + timedelta(microseconds=time_taken(event) or 0)


def _time(us: int) -> str:
    """A duration; a single signal without receivers has none."""
    return duration(us) if us else ""


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
