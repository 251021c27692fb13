"""An event's receivers with their times and errors, and each receiver's percentiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from django.http import JsonResponse

from signal_log import clock
from signal_log.event import Event
from signal_log.models import SignalEvent
from signal_log.show.trace.percentiles import Call, Percentiles, Standing, calls_in, percentiles, runs_in, standing
from signal_log.show.words.text import duration, one_line
from signal_log.store.receiver_times import newest_id, newest_receivers

MAX_KINDS: Final = 12
SECONDS: Final = 0.25
"""Percentiles are looked up for the kinds of signals with the longest receivers, for at most this long per page."""

Kind = tuple[str, str]


class Sampled(NamedTuple):
    """A sample of one kind: its events, and each receiver's run times in them."""

    ids: frozenset[int]
    runs: Mapping[str, Sequence[int]]


Known = Mapping[Kind, Sampled]


def calls(event: SignalEvent | Event) -> list[Call]:
    """Each receiver's name, microseconds and error."""
    return calls_in(event.receivers)


def receivers_of(event: SignalEvent | Event) -> list[dict[str, Any]]:
    """An event's receivers, formatted for display."""
    return [
        {"name": one_line(name, 300), "time": duration(taken), "error": one_line(error, 2_000)}
        for name, taken, error in calls(event)
    ]


@dataclass(frozen=True, slots=True)
class Receiver:
    """One run of a receiver, formatted for display, compared with its other runs."""

    order: int
    name: str
    duration_us: int
    time: str
    error: str
    standing: Standing | None


def slowest_first(event: SignalEvent, known: Known) -> list[Receiver]:
    """An event's receivers, slowest first; ``order`` is the call order."""
    found = [
        Receiver(order, one_line(name, 300), taken or 0, duration(taken), one_line(error, 2_000),
                 standing_of(event, Call(name, taken, error), known))
        for order, (name, taken, error) in enumerate(calls(event), 1)
    ]  # fmt: skip
    return sorted(found, key=lambda one: -one.duration_us)


def known_for(found: Iterable[SignalEvent]) -> Known:
    """Run times for the receivers of these events, as far as the time limit allows."""
    longest: dict[Kind, int] = {}
    for event in found:
        for call in calls(event):
            kind = (event.signal, event.sender)
            longest[kind] = max(longest.get(kind, 0), call.duration_us or 0)
    if not longest:
        return {}
    known: dict[Kind, Sampled] = {}
    deadline = clock.monotonic() + SECONDS
    newest = newest_id()
    for signal, sender in sorted(longest, key=lambda kind: -longest[kind])[:MAX_KINDS]:
        columns = newest_receivers(signal, sender, newest)
        known[signal, sender] = Sampled(frozenset(columns), runs_in(columns.values()))
        if clock.monotonic() > deadline:
            break
    return known


def standing_of(event: SignalEvent, call: Call, known: Known) -> Standing | None:
    """Compare a receiver's run with its others, if its kind was sampled."""
    sampled = known.get((event.signal, event.sender))
    return standing(call.duration_us, percentiles_of(event, call, sampled)) if sampled else None


def percentiles_of(event: SignalEvent, call: Call, sampled: Sampled) -> Percentiles | None:
    """The receiver's percentiles over all events but this one."""
    return percentiles(sampled.runs.get(call.receiver, ()), call.duration_us if event.pk in sampled.ids else None)


def answer(event: SignalEvent) -> JsonResponse:
    """The receivers as JSON in call order, for the live page's panel."""
    known = known_for([event])
    sampled = known.get((event.signal, event.sender))
    result = []
    for call in calls(event):
        other, stands = sampled and percentiles_of(event, call, sampled), standing_of(event, call, known)
        result.append(call._asdict() | {"usual": other and asdict(other), "standing": stands and asdict(stands)})
    return JsonResponse({"receivers": result})
