"""The receivers that an event recorded, with their times and errors, and how long each takes usually."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any, Final, NamedTuple

from django.http import JsonResponse

from signal_log.event import Event
from signal_log.models import SignalEvent
from signal_log.show.trace.percentiles import Call, Standing, Usual, calls_in, runs_in, standing, usual
from signal_log.show.words.text import duration, one_line
from signal_log.store.receiver_times import newest_id, newest_receivers

MOST_KINDS: Final = 12
SECONDS: Final = 0.25
"""A page with many kinds of signals looks up those with the longest receivers, for so long."""

Kind = tuple[str, str]


class Looked(NamedTuple):
    """What was found of one kind: the events that were looked at, and how long each receiver took in them."""

    ids: frozenset[int]
    runs: Mapping[str, Sequence[int]]


Known = Mapping[Kind, Looked]


def calls(event: SignalEvent | Event) -> list[Call]:
    """Name, microseconds and error of each receiver."""
    return calls_in(event.receivers)


def receivers_of(event: SignalEvent | Event) -> list[dict[str, Any]]:
    """The receivers of an event, for people."""
    return [
        {"name": one_line(name, 300), "time": duration(taken), "error": one_line(error, 2_000)}
        for name, taken, error in calls(event)
    ]


@dataclass(frozen=True, slots=True)
class Receiver:
    """One run of a receiver for people, beside its other runs."""

    order: int
    name: str
    duration_us: int
    time: str
    error: str
    standing: Standing | None


def slowest_first(event: SignalEvent, known: Known) -> list[Receiver]:
    """The receivers of an event, the one that took longest on top; ``order`` is that of their calls."""
    found = [
        Receiver(order, one_line(name, 300), taken or 0, duration(taken), one_line(error, 2_000),
                 standing_of(event, Call(name, taken, error), known))
        for order, (name, taken, error) in enumerate(calls(event), 1)
    ]  # fmt: skip
    return sorted(found, key=lambda one: -one.duration_us)


def known_for(found: Iterable[SignalEvent]) -> Known:
    """What the receivers of these events take usually, as far as there is time to look."""
    longest: dict[Kind, int] = {}
    for event in found:
        for call in calls(event):
            kind = (event.signal, event.sender)
            longest[kind] = max(longest.get(kind, 0), call.duration_us or 0)
    if not longest:
        return {}
    known: dict[Kind, Looked] = {}
    deadline = monotonic() + SECONDS
    newest = newest_id()
    for signal, sender in sorted(longest, key=lambda kind: -longest[kind])[:MOST_KINDS]:
        columns = newest_receivers(signal, sender, newest)
        known[signal, sender] = Looked(frozenset(columns), runs_in(columns.values()))
        if monotonic() > deadline:
            break
    return known


def standing_of(event: SignalEvent, call: Call, known: Known) -> Standing | None:
    """Where a receiver's run stands among its others, if its kind was looked up."""
    looked = known.get((event.signal, event.sender))
    return standing(call.duration_us, usual_of(event, call, looked)) if looked else None


def usual_of(event: SignalEvent, call: Call, looked: Looked) -> Usual | None:
    """What the receiver takes in other events than this one."""
    return usual(looked.runs.get(call.receiver, ()), call.duration_us if event.pk in looked.ids else None)


def answer(event: SignalEvent) -> JsonResponse:
    """The same as JSON, in the order of the calls, for the live page's panel."""
    known = known_for([event])
    looked = known.get((event.signal, event.sender))
    told = []
    for call in calls(event):
        other, stands = looked and usual_of(event, call, looked), standing_of(event, call, known)
        told.append(call._asdict() | {"usual": other and asdict(other), "standing": stands and asdict(stands)})
    return JsonResponse({"receivers": told})
