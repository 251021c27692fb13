"""An event's receivers with their times and errors, and each receiver's percentiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

from django.http import JsonResponse

from signal_log import clock
from signal_log.event import COMMITTED
from signal_log.models import ReceiverCall, SignalEvent
from signal_log.show.cascade.findings import is_slow
from signal_log.show.cascade.operation import AnyEvent, Operation, Run
from signal_log.show.trace.percentiles import Percentiles, Standing, percentiles, standing
from signal_log.show.words import kinds
from signal_log.show.words.text import duration, one_line
from signal_log.telemetry.read import newest_durations

MAX_KINDS: Final = 24
SECONDS: Final = 0.25
"""Percentiles are looked up for the receivers with the longest calls, for at most this long per page."""
STANDS: Final = "the change stays committed"

Kind = tuple[str, str, str]
"""Receiver, signal and sender: other calls of this kind are compared with one."""


class Sampled(NamedTuple):
    """The newest calls of one kind: their ids, and their durations in ascending order."""

    ids: frozenset[int]
    runs: Sequence[int]


Known = Mapping[Kind, Sampled]


@dataclass(frozen=True, slots=True)
class Receiver:
    """One call of a receiver, formatted for display, compared with its other calls."""

    order: int
    name: str
    duration_us: int
    time: str
    queries: int
    error: str
    stands: bool
    """Whether what it raised has undone nothing."""
    standing: Standing | None
    slow: bool
    """What the trace's page calls slow, whatever is usual."""


def kind_of(call: ReceiverCall) -> Kind:
    """What it is compared by."""
    return call.receiver, call.signal, call.sender


def stands(event: AnyEvent, error: str) -> bool:
    """Whether the change is committed although a receiver raised: it was called after the row was written."""
    return bool(error) and event.outcome == COMMITTED and event.signal not in kinds.PRE


def slow_calls(operations: Iterable[Operation], whole_us: int) -> frozenset[int]:
    """The ids of the calls that are slow in a trace that took ``whole_us``."""
    runs = (run for operation in operations for run in operation.runs)
    return frozenset(run.pk for run in runs if run.pk is not None and is_slow(run.self_us, whole_us))


def slowest_first(event: SignalEvent, known: Known, slow: frozenset[int]) -> list[Receiver]:
    """An event's receivers, slowest first; ``order`` is the call order, ``slow`` are the ids of calls."""
    found = [
        Receiver(order, one_line(call.receiver, 300), call.duration_us, duration(call.duration_us), call.queries,
                 one_line(call.error, 2_000), stands(event, call.error), standing_of(call, known),
                 call.pk in slow)
        for order, call in enumerate(event.calls, 1)
    ]  # fmt: skip
    return sorted(found, key=lambda one: -one.duration_us)


def time_taken(event: SignalEvent) -> int | None:
    """Microseconds from the first call of a receiver to the end of the last; None without receivers."""
    if not event.calls:
        return None
    end = max(call.started_us + call.duration_us for call in event.calls)
    return end - min(call.started_us for call in event.calls)


def known_for(found: Iterable[SignalEvent]) -> Known:
    """Other calls of the receivers of these events, as far as the time limit allows."""
    longest: dict[Kind, int] = {}
    for event in found:
        for call in event.calls:
            kind = kind_of(call)
            longest[kind] = max(longest.get(kind, 0), call.duration_us)
    known: dict[Kind, Sampled] = {}
    deadline = clock.monotonic() + SECONDS
    for kind in sorted(longest, key=lambda kind: -longest[kind])[:MAX_KINDS]:
        newest = newest_durations(*kind)
        known[kind] = Sampled(frozenset(newest), sorted(newest.values()))
        if clock.monotonic() > deadline:
            break
    return known


def standing_of(call: ReceiverCall, known: Known) -> Standing | None:
    """Compare a call with the others of its kind, if they were looked up."""
    return _standing(kind_of(call), call.duration_us, call.pk, known)


def standing_of_run(run: Run, sender: str, known: Known) -> Standing | None:
    """The same for a run in a cascade, of a signal of this sender."""
    return _standing((run.receiver, run.signal, sender), run.total_us, run.pk, known)


def percentiles_of(call: ReceiverCall, sampled: Sampled) -> Percentiles | None:
    """The percentiles of all calls of this kind but this one."""
    return percentiles(sampled.runs, call.duration_us if call.pk in sampled.ids else None)


def _standing(kind: Kind, us: int, pk: int | None, known: Known) -> Standing | None:
    sampled = known.get(kind)
    return standing(us, percentiles(sampled.runs, us if pk in sampled.ids else None)) if sampled else None


def answer(event: SignalEvent, slow: frozenset[int]) -> JsonResponse:
    """The receivers as JSON in call order, for the live page's panel; ``slow`` are the ids of calls."""
    known = known_for([event])
    first = min((call.started_us for call in event.calls), default=0)
    result = []
    for call, told in zip(event.calls, event.receivers, strict=True):
        sampled, stood = known.get(kind_of(call)), standing_of(call, known)
        other = percentiles_of(call, sampled) if sampled else None
        result.append(
            {
                **told,
                "started_us": call.started_us - first,
                "stands": stands(event, call.error),
                "slow": call.pk in slow,
                "usual": other and asdict(other),
                "standing": stood and asdict(stood),
            }
        )
    return JsonResponse({"receivers": result})
