"""Lays a trace's cascade out as indented rows with bars on one time axis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple

from signal_log.models import SignalEvent
from signal_log.show.cascade.findings import is_slow
from signal_log.show.cascade.nested import Nested, flat
from signal_log.show.cascade.operation import AnyEvent, Operation, Run, cascade_of, number_shapes, runs_of, taken_us
from signal_log.show.cascade.ranking import critical
from signal_log.show.trace.receivers import STANDS, Known, slow_calls, standing_of_run, stands
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
"""How many of the folded operations are still shown: the first ones, and the one that took longest."""

NOTHING_KNOWN: Final[Known] = {}


class _Signal(NamedTuple):
    """One event of an operation with its receivers' calls, and what receivers caused whose calls are not known."""

    event: AnyEvent
    runs: Sequence[Run]
    untimed: Mapping[str, Sequence[Operation]]
    end: datetime

    @property
    def took_us(self) -> int:
        """Until its receivers and what they caused were done."""
        return _us(self.end - self.event.occurred_at)


class Tree:
    """The events of one trace as nested operations; ``fold`` groups equal ones.

    ``whole_us`` is how long the whole trace took, which decides what is slow in it; ``is_earlier`` tells the positions
    that another part of the trace has.
    """

    def __init__(
        self,
        events: Sequence[SignalEvent],
        known: Known = NOTHING_KNOWN,
        *,
        fold: bool = True,
        whole_us: int | None = None,
        is_earlier: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self._known = known
        self._fold = fold
        self._is_earlier = is_earlier
        self.cascade = cascade_of(events, runs_of(events))
        number_shapes(self.cascade, _alike)
        operations = self.operations = self.cascade.operations
        self.start = min((op.start for op in operations), default=None)
        self.end = max((op.end for op in operations), default=None)
        self._whole_us = self.total_us if whole_us is None else whole_us
        self._critical = {id(run) for op in operations if len(op.runs) > 1 for run in critical(op)}

    @property
    def total_us(self) -> int:
        """The time from the first signal to the end of the last, in microseconds."""
        return _us(self.end - self.start) if self.start and self.end else 0

    @property
    def slow_calls(self) -> frozenset[int]:
        """The ids of the calls that are slow."""
        return slow_calls(self.operations, self._whole_us)

    @property
    def depth(self) -> int:
        """The maximum nesting depth."""
        return max((op.depth for op in self.operations), default=0)

    @property
    def missing_parents(self) -> int:
        """How many causes are not in the log."""
        return sum(not self._is_earlier(position) for position in self.cascade.orphans)

    def rows(self) -> Iterator[Row]:
        """All rows, top to bottom; level 1 is the request's own operations."""
        yield from flat(self._siblings(self.cascade.roots, 1))
        for parent, operations in sorted(self.cascade.orphans.items()):
            if self._is_earlier(parent):
                yield Row("earlier", 1, f"caused at position {parent}, in an earlier part", position=parent)
            else:
                yield Row("missing", 1, f"parent not recorded (position {parent})")
            yield from flat(self._siblings(operations, 2))

    def rows_of(self, operation: int) -> Iterator[Row]:
        """The rows of one operation and its subtree."""
        for op in self.operations:
            if op.first.operation == operation:
                yield from flat(self._operation(op, 0))

    def _siblings(self, operations: Iterable[Operation], level: int) -> Nested[Row]:
        for _, equal in groupby(operations, key=lambda op: op.shape):
            alike = list(equal)
            if self._fold and len(alike) > FOLD_ABOVE:
                yield self._many(alike, level)
            else:
                for op in alike:
                    yield self._operation(op, level)

    def _many(self, operations: list[Operation], level: int) -> Nested[Row]:
        last = operations[-1]
        yield Row(
            "many", level, f"{len(operations):,} × {kinds.action(last.last)}", _style(last.last),
            *self._bar(operations[0].start, max(op.end for op in operations)),
            "" if last.is_endless else _time(sum(op.took_us for op in operations)), event=last.last,
            remark=_of_many({_remark(op) for op in operations}),
        )  # fmt: skip
        for op in _samples(operations):
            yield self._operation(op, level + 1)
        yield Row("more", level + 1, f"{len(operations) - SAMPLES:,} more like these", event=operations[0].last)

    def _operation(self, op: Operation, level: int) -> Nested[Row]:
        inside = list(_signals(op))
        has_times = inside and not op.is_endless
        own = duration(max(0, op.took_us - sum(signal.took_us for signal in inside))) if has_times else ""
        yield Row(
            "operation", level, kinds.action(op.last), _style(op.last), *self._bar(op.start, op.end),
            "" if op.is_endless else _time(op.took_us), own,
            one_line(failure(op.last) or failure(op.first), 200), op.last,
            remark=_remark(op), position=op.position,
        )  # fmt: skip
        for signal in inside:
            at = None if signal.event.position == op.position else signal.event.position
            yield self._signal(signal, at, level + 1)

    def _signal(self, signal: _Signal, position: int | None, level: int) -> Nested[Row]:
        event = signal.event
        yield Row(
            "signal", level, one_line(kinds.short_name(event.signal)), "", *self._bar(event.occurred_at, signal.end),
            duration(signal.took_us), event=event, position=position,
        )  # fmt: skip
        for run in signal.runs:
            yield self._receiver(signal, run, level + 1)
            yield self._siblings(run.caused, level + 2)
        for name, operations in signal.untimed.items():
            yield Row("receiver", level + 1, one_line(name, 200) or "receiver not recorded", time="not timed")
            yield self._siblings(operations, level + 2)

    def _receiver(self, signal: _Signal, run: Run, level: int) -> Row:
        event = signal.event
        start = event.occurred_at + timedelta(microseconds=run.started_us - signal.runs[0].started_us)
        if run.caused:
            start = min(start, run.caused[0].start)
        end = max([start + timedelta(microseconds=run.total_us), *(op.end for op in run.caused)])
        own_us = run.self_us
        return Row(
            "receiver", level, one_line(run.receiver, 200), "", *self._bar(start, end), duration(run.total_us),
            duration(own_us) if run.caused else "",
            one_line(f"{run.error} · {STANDS}" if stands(event, run.error) else run.error, 200),
            standing=standing_of_run(run, event.sender, self._known), queries=run.queries,
            slow=is_slow(own_us, self._whole_us), critical=id(run) in self._critical,
        )  # fmt: skip

    def _bar(self, start: datetime, end: datetime) -> tuple[float, float]:
        if self.start is None or not self.total_us:
            return 0, AXIS
        x, width = (_us(span) / self.total_us * AXIS for span in (start - self.start, end - start))
        return round(x, 3), max(THINNEST, round(min(width, AXIS - x), 3))


def _alike(op: Operation) -> tuple[Any, ...]:
    """What equal operations have in common: what was done, and which receivers ran and failed; not how long it took."""
    event = op.last
    ran = tuple((run.receiver, bool(run.error)) for run in op.runs)
    return (kinds.action(event), event.sender, op.receiver, event.outcome, event.created, _kind_of(_remark(op)), ran)


def _samples(operations: Sequence[Operation]) -> list[Operation]:
    """The first of equal operations, and the one that took longest, in order."""
    longest = max(range(len(operations)), key=lambda at: operations[at].took_us)
    first = range(SAMPLES) if longest < SAMPLES else (*range(SAMPLES - 1), longest)
    return [operations[at] for at in first]


def _signals(op: Operation) -> Iterator[_Signal]:
    """Those of an operation's events that had receivers."""
    runs: dict[int, list[Run]] = defaultdict(list)
    for run in op.runs:
        runs[run.position].append(run)
    untimed: dict[int | None, dict[str, list[Operation]]] = defaultdict(lambda: defaultdict(list))
    for receiver, operations in op.untimed.items():
        for caused in operations:
            untimed[caused.first.parent_position][receiver].append(caused)
    for event in op.events:
        ran, rest = runs.get(event.position, []), untimed.get(event.position, {})
        if ran or rest:
            end = event.occurred_at + timedelta(microseconds=taken_us(ran))
            ends = [caused.end for run in ran for caused in run.caused]
            ends += [caused.end for operations in rest.values() for caused in operations]
            yield _Signal(event, ran, rest, max([end, *ends]))


def _remark(op: Operation) -> str:
    """What has to be said of how it was recorded, most often nothing."""
    return remark(op.last) or remark(op.first)


def _kind_of(remark: str) -> str:
    """What equal remarks begin with, whatever values they tell."""
    return remark.partition(" ")[0]


def _of_many(remarks: set[str]) -> str:
    """The remark of equal operations, without their values where these differ."""
    first = min(remarks)
    return first if len(remarks) == 1 else f"{_kind_of(first)} what it had not seen"


def _style(event: AnyEvent) -> str:
    return kinds.kind(event).style


def _time(us: int) -> str:
    """A duration; a single signal without receivers has none."""
    return duration(us) if us else ""


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
