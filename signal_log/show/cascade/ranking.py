"""Which receivers took the time of a trace: calls, total and own time, and the one that the others waited for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from signal_log.show.cascade.operation import Cascade, Operation, Run


@dataclass(slots=True)
class Ranked:
    """A receiver's calls in one trace, times in microseconds; ``self_us`` is without what the calls caused."""

    receiver: str
    calls: int = 0
    total_us: int = 0
    self_us: int = 0
    queries: int = 0
    errors: int = 0
    positions: list[int] = field(default_factory=list)
    """Those of the operations that it ran for, in order, each once."""


def ranked(cascade: Cascade) -> list[Ranked]:
    """All receivers, the one with the most time of its own first."""
    found: dict[str, Ranked] = {}
    for operation in cascade.operations:
        for run in operation.runs:
            one = found.setdefault(run.receiver, Ranked(run.receiver))
            one.calls += 1
            one.total_us += run.total_us
            one.self_us += run.self_us
            one.queries += run.queries
            one.errors += bool(run.error)
            if one.positions[-1:] != [operation.position]:
                one.positions.append(operation.position)
    return sorted(found.values(), key=lambda one: (-one.self_us, one.receiver))


def critical(operation: Operation) -> list[Run]:
    """Of receivers that ran at the same time, which only async ones can, those that the save waited for longest."""
    by_event: dict[int, list[Run]] = defaultdict(list)
    for run in operation.runs:
        by_event[run.position].append(run)
    return [
        max(together, key=_ended)
        for runs in by_event.values()
        for together in _overlapping(sorted(runs, key=lambda run: run.started_us))
        if len(together) > 1
    ]


def _overlapping(runs: Iterable[Run]) -> Sequence[list[Run]]:
    groups: list[list[Run]] = []
    for run in runs:
        if groups and run.started_us < max(map(_ended, groups[-1])):
            groups[-1].append(run)
        else:
            groups.append([run])
    return groups


def _ended(run: Run) -> int:
    return run.started_us + run.total_us
