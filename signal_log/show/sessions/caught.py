"""The traces of a recorded session with their cascades, and what deeper capture kept: from the log or from a file."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, NamedTuple

import orjson

from signal_log.event import Event
from signal_log.models import DebugSession, SessionTrace
from signal_log.show.cascade.operation import AnyEvent, Cascade, Run, cascade_of, runs_of
from signal_log.store.read import events
from signal_log.telemetry.read import add_calls
from signal_log.telemetry.recorded import caught as rows_of

MOST_TRACES: Final = 200
MOST_EVENTS: Final = 20_000
"""What is read of one session at once, of its newest traces; pages say so."""


class Statement(NamedTuple):
    """One statement that ran while a trace was recorded."""

    text: str
    parameters: int | None
    started_us: int
    took_us: int
    position: int
    receiver: str
    stack: Sequence[Sequence[str]]


@dataclass
class Caught:
    """One trace of a session."""

    row: SessionTrace
    found: Sequence[AnyEvent]
    runs: Mapping[tuple[str, int], Sequence[Run]]

    @cached_property
    def kept(self) -> dict[str, Any]:
        """What deeper capture kept; empty without any."""
        kept = orjson.loads(self.row.data or "{}")
        return kept if isinstance(kept, dict) else {}

    @cached_property
    def cascade(self) -> Cascade:
        """Its operations."""
        return cascade_of(self.found, self.runs)

    @property
    def statements(self) -> Iterator[Statement]:
        """Its statements in order."""
        texts, stacks = self.kept.get("texts", ()), self.kept.get("stacks", ())
        for text, parameters, started_us, took_us, position, receiver, stack in self.kept.get("statements", ()):
            yield Statement(
                texts[text], parameters, started_us, took_us, position, receiver, stacks[stack] if stack >= 0 else ()
            )

    def stack_of(self, position: int) -> Sequence[Sequence[str]]:
        """Where the operation at this position began: own frames, innermost first."""
        number = self.kept.get("operations", {}).get(str(position))
        found: Sequence[Sequence[str]] = () if number is None else self.kept["stacks"][number]
        return found


def newest(session: DebugSession, most: int = MOST_TRACES) -> list[Caught]:
    """The newest traces of a session, oldest of them first."""
    return load(session, list(rows_of(session).reverse()[:most])[::-1])


def one(session: DebugSession, trace_id: uuid.UUID) -> Caught | None:
    """One trace of it."""
    found = load(session, list(rows_of(session).filter(trace_id=trace_id)))
    return found[0] if found else None


def load(session: DebugSession, rows: Sequence[SessionTrace]) -> list[Caught]:
    """These traces with their events, which an imported session brings itself."""
    if session.imported_from:
        return [_imported(row) for row in rows]
    by_trace: dict[uuid.UUID, list[Any]] = defaultdict(list)
    wanted = [row.trace_id for row in rows]
    found = list(events().filter(trace_id__in=wanted).order_by("trace_id", "position")[:MOST_EVENTS])
    add_calls(found)
    for event in found:
        by_trace[event.trace_id].append(event)
    return [Caught(row, by_trace[row.trace_id], runs_of(by_trace[row.trace_id])) for row in rows]


def _imported(row: SessionTrace) -> Caught:
    caught = Caught(row, (), {})
    runs: dict[tuple[str, int], list[Run]] = defaultdict(list)
    for call in caught.kept.get("calls", ()):
        runs[str(row.trace_id), call["position"]].append(Run(**call))
    return Caught(row, [event_from(given) for given in caught.kept.get("events", ())], runs)


def event_from(given: Mapping[str, Any]) -> Event:
    """An event of a session's file; raises ``TypeError`` or ``ValueError`` if it is none."""
    return Event(**{**given, "occurred_at": datetime.fromisoformat(given["occurred_at"])})
