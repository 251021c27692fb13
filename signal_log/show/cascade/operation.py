"""A cascade: operations with the receivers that ran for them, and what those caused, in plain Python.

It is made of events and receivers' calls from anywhere: the log, a request that is still running, or a test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

from signal_log.capture.trace.gathered import Call
from signal_log.capture.trace.trace import Trace
from signal_log.event import FAILED, Event
from signal_log.models import SignalEvent
from signal_log.show.words import kinds

AnyEvent = Event | SignalEvent
NEVER: Final = datetime.min.replace(tzinfo=UTC)
Key = tuple[str, int]
"""The text of a trace's id, and a position in it."""


class CallLike(Protocol):
    """A receiver's call, as telemetry has it."""

    position: int
    signal: str
    receiver: str
    started_us: int
    duration_us: int
    queries: int
    error: str


@dataclass(slots=True, eq=False)
class Run:
    """One call of a receiver for the event at ``position``, and the operations that it caused."""

    position: int
    signal: str
    receiver: str
    started_us: int
    total_us: int
    queries: int = 0
    error: str = ""
    caused: list[Operation] = field(default_factory=list)
    pk: int | None = None
    """Of its row, where telemetry has stored it."""

    @classmethod
    def of(cls, call: CallLike) -> Run:
        """From a row of telemetry."""
        return cls(
            call.position, call.signal, call.receiver, call.started_us, call.duration_us, call.queries, call.error,
            pk=getattr(call, "pk", None),
        )  # fmt: skip

    @property
    def self_us(self) -> int:
        """Its time without that of the operations that it caused, in microseconds."""
        return max(0, self.total_us - sum(operation.took_us for operation in self.caused))


class Cause(NamedTuple):
    """A receiver of an operation: its run, None where no call of it is known, and what it caused."""

    receiver: str
    run: Run | None
    operations: Sequence[Operation]


@dataclass(slots=True, eq=False)
class Operation:
    """One save or delete (or silent write, relation change, extra signal): its events in order, and its receivers."""

    trace_id: str
    events: list[AnyEvent] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    parent: Operation | None = None
    depth: int = 1
    untimed: dict[str, list[Operation]] = field(default_factory=dict)
    """What receivers caused of which no call is known, by receiver."""
    cause: Run | None = None
    """The call of the receiver that caused it, if that is known."""
    end: datetime = NEVER
    """When its last receiver was done, and all that it caused."""
    shape: int = 0
    """A number shared by operations that are equal, with all that they caused; see ``number_shapes``."""

    @property
    def first(self) -> AnyEvent:
        """The event that opened it."""
        return self.events[0]

    @property
    def last(self) -> AnyEvent:
        """The event with its result."""
        return self.events[-1]

    @property
    def position(self) -> int:
        """That of the event that opened it."""
        return self.first.position

    @property
    def receiver(self) -> str:
        """The receiver that caused it; empty if none did."""
        return self.first.caused_by

    @property
    def verb(self) -> str:
        """What happened: ``created``, ``updated``, ``deleted``, ``m2m``, ``silent`` or ``signal``."""
        return kinds.verb(self.last)

    @property
    def start(self) -> datetime:
        """When its first signal fired."""
        return self.first.occurred_at

    @property
    def is_endless(self) -> bool:
        """Whether it failed before its second signal, which would have told how long it took."""
        return self.last.outcome == FAILED and self.last.signal in kinds.PRE and not kinds.is_by_hand(self.last)

    @property
    def took_us(self) -> int:
        """Microseconds from start to end, as far as signals and receivers tell."""
        return (self.end - self.start) // timedelta(microseconds=1)

    def causes(self) -> Iterator[Cause]:
        """Its receivers in the order of their calls, then those of which no call is known."""
        for run in self.runs:
            yield Cause(run.receiver, run, run.caused)
        for receiver, operations in self.untimed.items():
            yield Cause(receiver, None, operations)

    def caused(self) -> Iterator[Operation]:
        """The operations that its receivers caused."""
        for cause in self.causes():
            yield from cause.operations


@dataclass(slots=True)
class Cascade:
    """The operations of one or more traces, causes before effects."""

    operations: list[Operation]
    roots: list[Operation]
    orphans: dict[int, list[Operation]]
    """Operations whose cause is not among the events, by its position."""


NO_RUNS: Final[Mapping[Key, Sequence[Run]]] = {}


def runs_of(events: Iterable[SignalEvent]) -> dict[Key, list[Run]]:
    """The runs of stored events' receivers; ``telemetry.read.add_calls`` has fetched their calls."""
    return {(str(event.trace_id), event.position): [Run.of(call) for call in event.calls] for event in events}


def runs_of_calls(calls: Iterable[tuple[Trace, Call]]) -> dict[Key, list[Run]]:
    """The runs of receivers' calls that were collected while they ran."""
    runs: dict[Key, list[Run]] = {}
    for trace, (position, _, signal, receiver, started_us, took_us, queries, error) in calls:
        run = Run(position, signal, receiver, started_us, took_us, queries, error)
        runs.setdefault((trace.trace_id, position), []).append(run)
    for of_event in runs.values():
        of_event.sort(key=lambda run: run.started_us)
    return runs


def cascade_of(events: Iterable[AnyEvent], runs: Mapping[Key, Sequence[Run]] = NO_RUNS) -> Cascade:
    """Join events into operations, and operations with the receivers that caused them."""
    operations: dict[Key, Operation] = {}
    at: dict[Key, Operation] = {}
    for event in _in_order(events):
        trace = str(event.trace_id)
        operation = operations.setdefault((trace, event.operation), Operation(trace))
        operation.events.append(event)
        operation.runs.extend(runs.get((trace, event.position), ()))
        at[trace, event.position] = operation
    cascade = Cascade(list(operations.values()), [], defaultdict(list))
    below: dict[int, list[Operation]] = defaultdict(list)
    for operation in cascade.operations:
        position = operation.first.parent_position
        parent = at.get((operation.trace_id, position)) if position is not None else None
        if position is None:
            cascade.roots.append(operation)
        elif parent is None or parent.position >= operation.position:
            cascade.orphans[position].append(operation)
        else:
            operation.parent, operation.depth = parent, parent.depth + 1
            below[id(parent)].append(operation)
    for operation in reversed(cascade.operations):  # effects have higher positions than their causes
        operation.end = max(operation.end, _own_end(operation))
        if operation.parent is not None:
            operation.parent.end = max(operation.end, operation.parent.end)
        _hand_out(operation, below[id(operation)])
    return cascade


def number_shapes(cascade: Cascade, key: Any) -> None:
    """Give equal operations the same ``shape``: those with the same ``key(operation)`` that caused the same."""
    numbers: dict[Any, int] = {}
    for operation in reversed(cascade.operations):
        inside = tuple(
            (cause.receiver, tuple(child.shape for child in cause.operations))
            for cause in operation.causes()
            if cause.operations
        )
        operation.shape = numbers.setdefault((key(operation), inside), len(numbers))


def _in_order(events: Iterable[AnyEvent]) -> Iterator[AnyEvent]:
    """By trace, in the order in which the traces appear, then by position."""
    traces: dict[str, list[AnyEvent]] = defaultdict(list)
    for event in events:
        traces[str(event.trace_id)].append(event)
    for of_trace in traces.values():
        yield from sorted(of_trace, key=lambda event: event.position)


def _own_end(operation: Operation) -> datetime:
    """When the last of its own receivers was done."""
    by_event: dict[int, list[Run]] = defaultdict(list)
    for run in operation.runs:
        by_event[run.position].append(run)
    return max(
        event.occurred_at + timedelta(microseconds=taken_us(by_event[event.position])) for event in operation.events
    )


def taken_us(runs: Sequence[Run]) -> int:
    """Microseconds from the first of one event's runs to the end of the last."""
    if not runs:
        return 0
    return max(run.started_us + run.total_us for run in runs) - min(run.started_us for run in runs)


def _hand_out(operation: Operation, children: Sequence[Operation]) -> None:
    """Give each child to the run that caused it.

    A receiver that ran twice for one event is one cause in the log; its effects are dealt out evenly, in order.
    """
    by_cause: dict[tuple[int | None, str], list[Operation]] = defaultdict(list)
    for child in children:
        by_cause[child.first.parent_position, child.receiver].append(child)
    for (position, receiver), caused in by_cause.items():
        runs = [run for run in operation.runs if (run.position, run.receiver) == (position, receiver)]
        if not runs:
            operation.untimed.setdefault(receiver, []).extend(caused)
            continue
        each = len(caused) // len(runs) if len(caused) % len(runs) == 0 else len(caused)
        for number, run in enumerate(runs):
            for child in caused[number * each : (number + 1) * each]:
                run.caused.append(child)
                child.cause = run
