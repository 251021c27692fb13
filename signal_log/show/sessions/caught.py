"""The traces of a recorded session with their cascades, and what deeper capture kept: from the log or from a file."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, NamedTuple

import orjson
from django.db.models import Count, Q, QuerySet

from signal_log.event import Event
from signal_log.models import DebugSession, SessionTrace, SignalEvent
from signal_log.show.cascade.operation import AnyEvent, Cascade, Run, cascade_of, runs_of
from signal_log.show.cascade.shared_out import level
from signal_log.show.words.text import one_line
from signal_log.store.read import events
from signal_log.telemetry.read import add_calls
from signal_log.telemetry.recorded import caught as rows_of

MOST_TRACES: Final = 200
MOST_EVENTS: Final = 20_000
"""What is read of one session at once, shared out among its names and its traces; whoever reads them is told."""


class Statement(NamedTuple):
    """One statement that ran while a trace was recorded."""

    text: str
    parameters: int | None
    started_us: int
    took_us: int
    position: int
    receiver: str
    stack: Sequence[Sequence[str]]


@dataclass(repr=False)
class Caught:
    """One trace of a session."""

    row: SessionTrace
    found: Sequence[AnyEvent]
    runs: Mapping[tuple[str, int], Sequence[Run]]
    left_out: int = 0
    """How many of its events are not read: all beyond the first."""
    lacks_calls: bool = False
    """Whether more calls of receivers are known than are read."""

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
    def is_whole(self) -> bool:
        """Whether all that is known of it is read; it cannot be compared otherwise."""
        return not self.left_out and not self.lacks_calls

    @property
    def statements(self) -> Iterator[Statement]:
        """Its statements in order."""
        texts, stacks = self.kept.get("texts", ()), self.kept.get("stacks", ())
        for text, parameters, started_us, took_us, position, receiver, stack in self.kept.get("statements", ()):
            yield Statement(
                texts[text], parameters, started_us, took_us, position, receiver, stacks[stack] if stack >= 0 else ()
            )

    @property
    def raised(self) -> tuple[str, str]:
        """The exception that was answered with status 500, and where it was raised; empty texts if none was."""
        error, place = self.kept.get("raised") or ("", "")
        return one_line(error, 300), one_line(place, 300)

    def stack_of(self, position: int) -> Sequence[Sequence[str]]:
        """Where the operation at this position began: own frames, innermost first."""
        number = self.kept.get("operations", {}).get(str(position))
        found: Sequence[Sequence[str]] = () if number is None else self.kept["stacks"][number]
        return found

    def forget(self) -> None:
        """Let go of what deeper capture kept, which takes many times the space of its text."""
        self.__dict__.pop("kept", None)


@dataclass
class Chosen:
    """What is read of a session at once: traces, oldest first, and how many it has of each name."""

    traces: list[Caught]
    numbers: Mapping[str, int]

    @property
    def left_out(self) -> int:
        """How many traces are not read."""
        return sum(self.numbers.values()) - len(self.traces)

    @property
    def cut(self) -> list[Caught]:
        """The traces of which only the first events, or not all calls, are read."""
        return [one for one in self.traces if not one.is_whole]

    def remarks(self) -> Iterator[str]:
        """What has to be said of it, usually nothing."""
        if self.left_out:
            number = sum(self.numbers.values())
            yield f"What follows is of {len(self.traces):,} of {number:,} traces, the newest of each name."
        cut = self.cut
        if cut:
            of, events_of = f"{len(cut):,} trace{'' if len(cut) == 1 else 's'}", sum(one.left_out for one in cut)
            lacking = f"{events_of:,} event{'' if events_of == 1 else 's'}" if events_of else "some calls of receivers"
            yield f"Of {of} only the first part is read, without {lacking}; comparing leaves them out."


def choose(session: DebugSession, most: int = MOST_TRACES) -> Chosen:
    """The traces of a session that are read at once: all, or the newest of each name."""
    names = dict(rows_of(session).reverse().values_list("pk", "name"))
    numbers = Counter(names.values())
    share = level(numbers.values(), most)
    taken: Counter[str] = Counter()
    keys: list[int] = []
    for key, name in names.items():
        taken[name] += 1
        if taken[name] <= max(share, 1) and len(keys) < most:
            keys.append(key)
    return Chosen(load(session, list(rows_of(session).filter(pk__in=keys))), numbers)


def one(session: DebugSession, trace_id: uuid.UUID) -> Caught | None:
    """One trace of it."""
    found = load(session, list(rows_of(session).filter(trace_id=trace_id)))
    return found[0] if found else None


def event_numbers(session: DebugSession, rows: Iterable[SessionTrace]) -> dict[uuid.UUID, int]:
    """How many events these traces have."""
    if session.imported_from:
        return {row.trace_id: row.events for row in rows}
    found = events().filter(trace_id__in=[row.trace_id for row in rows]).order_by()
    return dict(found.values_list("trace_id").annotate(number=Count("pk")))


def load(session: DebugSession, rows: Sequence[SessionTrace], share: int | None = None) -> list[Caught]:
    """These traces with their events, which an imported session brings itself; of each at most ``share``."""
    numbers = event_numbers(session, rows)
    if share is None:
        share = level(numbers.values(), MOST_EVENTS)
    if session.imported_from:
        return [_from_file(row, share) for row in rows]
    found = list(_first_events(numbers, share))
    lacking = add_calls(found)
    by_trace: dict[uuid.UUID, list[Any]] = defaultdict(list)
    for event in found:
        by_trace[event.trace_id].append(event)
    return [
        Caught(
            row, own := by_trace[row.trace_id], runs_of(own), numbers.get(row.trace_id, 0) - len(own),
            row.trace_id in lacking,
        )
        for row in rows
    ]  # fmt: skip


def _first_events(numbers: Mapping[uuid.UUID, int], share: int) -> QuerySet[SignalEvent]:
    whole = [trace for trace, number in numbers.items() if number <= share]
    cut = [trace for trace, number in numbers.items() if number > share]
    wanted = Q(trace_id__in=whole)
    if cut:
        wanted |= Q(trace_id__in=cut, position__lte=share)
    return events().filter(wanted).order_by("trace_id", "position")


def _from_file(row: SessionTrace, most: int) -> Caught:
    caught = Caught(row, (), {})
    kept = caught.kept
    runs: dict[tuple[str, int], list[Run]] = defaultdict(list)
    for call in kept.get("calls", ()):
        runs[str(row.trace_id), call["position"]].append(Run(**call))
    given = kept.get("events", ())
    caught.found, caught.runs = [event_from(event) for event in given[:most]], runs
    caught.left_out = len(given) - len(caught.found) + kept.get("left_out", 0)
    caught.lacks_calls = kept.get("lacks_calls", False)
    caught.forget()
    return caught


def event_from(given: Mapping[str, Any]) -> Event:
    """An event of a session's file; raises ``TypeError`` or ``ValueError`` if it is none."""
    return Event(**{**given, "occurred_at": datetime.fromisoformat(given["occurred_at"])})
