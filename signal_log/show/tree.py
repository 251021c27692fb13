"""The cascade of a trace as indented rows with bars on one axis of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from signal_log.models import SignalEvent
from signal_log.show import words
from signal_log.show.receivers import calls
from signal_log.show.text import duration, one_line

AXIS: Final = 1_000
THINNEST: Final = 3
FOLD_ABOVE: Final = 5
"""So many equal operations side by side are shown; more are counted."""

ACTIONS: Final = {"created": "save", "updated": "save", "deleted": "delete", "m2m": "m2m", "silent": "write"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: an ``operation``, a ``signal``, a ``receiver``, a ``more`` or a ``missing`` parent.

    ``x`` and ``width`` lie on an axis from 0 to 1,000; ``width`` 0 means that no time is known.
    """

    what: str
    level: int
    label: str
    style: str = ""
    x: float = 0
    width: float = 0
    time: str = ""
    error: str = ""
    event: SignalEvent | None = None
    signals: tuple[SignalEvent, ...] = ()

    @property
    def model(self) -> str:
        """The short name of the event's model."""
        return one_line(words.model_name(self.event.sender), 60) if self.event else ""

    @property
    def object(self) -> str:
        """The event's object on one line."""
        return one_line(self.event.object_repr or self.event.object_pk, 60) if self.event else ""

    @property
    def package(self) -> str:
        """The part of a receiver's path that may be left out where room is short."""
        return self.label[: -len(self.name)] if self.name else self.label

    @property
    def name(self) -> str:
        """The last part of a receiver's path."""
        return words.short_name(self.label)

    @property
    def indent(self) -> int:
        """The level, as far as the style sheet goes."""
        return min(self.level, 16)


@dataclass(slots=True)
class Operation:
    """The events of one save or delete, in order."""

    events: list[SignalEvent] = field(default_factory=list)

    @property
    def first(self) -> SignalEvent:
        """The event that opened it."""
        return self.events[0]

    @property
    def last(self) -> SignalEvent:
        """The event that says what came of it."""
        return self.events[-1]

    @property
    def start(self) -> datetime:
        """When its first signal fired."""
        return self.first.occurred_at

    @property
    def end(self) -> datetime:
        """When the receivers of its last signal were done."""
        return max(_end(event) for event in self.events)

    @property
    def action(self) -> str:
        """What was called: save, delete, m2m; an extra signal's name."""
        return ACTIONS.get(words.verb(*_said(self.last)), words.short_name(self.last.signal))

    @property
    def alike(self) -> tuple[str, ...]:
        """Equal for siblings that are worth counting instead of showing."""
        event = self.last
        return (self.action, event.sender, event.caused_by, event.outcome, str(event.created))


class Tree:
    """The events of one trace, ordered by position, as operations in each other."""

    def __init__(self, events: Sequence[SignalEvent]) -> None:
        grouped: dict[int, Operation] = defaultdict(Operation)
        for event in sorted(events, key=lambda event: event.position):
            grouped[event.operation].events.append(event)
        self.operations = list(grouped.values())
        self.start = min((op.start for op in self.operations), default=None)
        self.end = max((op.end for op in self.operations), default=None)
        known = {event.position for event in events}
        self.roots: list[Operation] = []
        self.orphans: dict[int, list[Operation]] = defaultdict(list)
        self._below: dict[int, list[Operation]] = defaultdict(list)
        for op in self.operations:
            parent = op.first.parent_position
            if parent is None:
                self.roots.append(op)
            elif parent in known and parent < op.first.position:
                self._below[parent].append(op)
            else:
                self.orphans[parent].append(op)

    @property
    def total_us(self) -> int:
        """From the first signal to the end of the last, in microseconds."""
        return _us(self.end - self.start) if self.start and self.end else 0

    @property
    def depth(self) -> int:
        """How many operations stand in each other at most."""
        rows = [row for row in self.rows() if row.what == "operation"]
        return max(((row.level + 2) // 3 for row in rows), default=0)

    def rows(self) -> Iterator[Row]:
        """Every row, top to bottom; level 1 is what the request itself did."""
        yield from self._siblings(self.roots, 1)
        for parent, operations in sorted(self.orphans.items()):
            yield Row("missing", 1, f"parent not recorded (position {parent})")
            yield from self._siblings(operations, 2)

    def rows_of(self, operation: int) -> Iterator[Row]:
        """The rows of one operation and all that it set off."""
        for op in self.operations:
            if op.first.operation == operation:
                yield from self._operation(op, 0)

    def _siblings(self, operations: Iterable[Operation], level: int) -> Iterator[Row]:
        waiting: list[Operation] = []
        for op in (*operations, None):
            if waiting and (op is None or op.alike != waiting[0].alike or not self._is_leaf(op)):
                yield from self._alike(waiting, level)
                waiting = []
            if op is not None and self._is_leaf(op):
                waiting.append(op)
            elif op is not None:
                yield from self._operation(op, level)

    def _alike(self, operations: list[Operation], level: int) -> Iterator[Row]:
        shown = operations if len(operations) <= FOLD_ABOVE else operations[: FOLD_ABOVE - 2]
        for op in shown:
            yield from self._operation(op, level)
        if rest := operations[len(shown) :]:
            taken = sum(_us(op.end - op.start) for op in rest)
            yield Row(
                "more", level, f"{len(rest):,} more like it", _style(rest[0].last),
                *self._bar(rest[0].start, rest[-1].end), duration(taken), event=rest[0].last,
            )  # fmt: skip

    def _operation(self, op: Operation, level: int) -> Iterator[Row]:
        yield Row(
            "operation", level, op.action, _style(op.last), *self._bar(op.start, op.end),
            duration(_us(op.end - op.start)), one_line(op.last.error or op.first.error, 200), op.last,
            tuple(op.events),
        )  # fmt: skip
        for event in op.events:
            if calls(event) or self._below.get(event.position):
                yield from self._signal(event, level + 1)

    def _signal(self, event: SignalEvent, level: int) -> Iterator[Row]:
        yield Row(
            "signal", level, one_line(words.short_name(event.signal)), "", *self._bar(event.occurred_at, _end(event)),
            duration(event.duration_us), event=event,
        )  # fmt: skip
        caused: dict[str, list[Operation]] = defaultdict(list)
        for op in self._below.get(event.position, ()):
            caused[op.first.caused_by].append(op)
        start = event.occurred_at
        for name, taken, error in calls(event):
            mine = caused.pop(name, [])
            if mine:
                start = min(start, mine[0].start)
            end = max([start + timedelta(microseconds=taken or 0), *(op.end for op in mine)])
            yield Row(
                "receiver",
                level + 1,
                one_line(name, 200),
                "",
                *self._bar(start, end),
                duration(taken),
                one_line(error, 200),
            )
            yield from self._siblings(mine, level + 2)
            start += timedelta(microseconds=taken or 0)
        for name, mine in caused.items():
            yield Row("receiver", level + 1, one_line(name, 200) or "receiver not recorded", time="not timed")
            yield from self._siblings(mine, level + 2)

    def _is_leaf(self, op: Operation) -> bool:
        return not any(calls(event) or self._below.get(event.position) for event in op.events)

    def _bar(self, start: datetime, end: datetime) -> tuple[float, float]:
        if self.start is None or not self.total_us:
            return 0, AXIS
        x = _us(start - self.start) / self.total_us * AXIS
        width = max(THINNEST, _us(end - start) / self.total_us * AXIS)
        return round(min(x, AXIS - width), 1), round(width, 1)


def _said(event: SignalEvent) -> tuple[str, bool | None, Any]:
    return event.signal, event.created, event.changes


def _style(event: SignalEvent) -> str:
    return words.kind(*_said(event), event.outcome).style


def _end(event: SignalEvent) -> datetime:
    return event.occurred_at + timedelta(microseconds=event.duration_us or 0)


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
