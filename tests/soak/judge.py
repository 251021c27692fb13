"""Everything in which what came differs from what was committed, each in a sentence that names it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.soak.flat import Growth
from tests.soak.ids import Ids
from tests.soak.page import MOST_NAMED
from tests.soak.receiver import Kept

LATE: Final = 30.0
"""Seconds from the signal, in which all parts ran, after which an event came too late to be called live."""
IN_HAND: Final = 100
"""Requests that a killed relay may have had taken and not written down (docs/relay.md)."""
ORDINARY: Final = {"cut", "silent", "1000", "1001", "1006", "1012", "4500", "4503"}
"""Ends of a socket after which a page comes back; any other is a refusal."""
MAY_END: Final = ("relay",)
"""Parts that end by themselves and are started again by a supervisor, as docs/relay.md says."""

Named = Callable[[int], str]
"""What is known of an event, for people."""


@dataclass
class Sealed:
    """How the log stands at the end."""

    events: int
    leaves: int
    is_countersigned: bool
    verdict: int
    """The exit status of `signal_verify`."""
    said: str


@dataclass
class Outcome:
    """What a run has left."""

    pages: Sequence[Mapping[str, Any]]
    codes: Mapping[str, int]
    said: Mapping[str, int]
    table: Ids
    """Every event there is."""
    kept: Kept
    kills: Mapping[str, int]
    sealed: Sealed
    growths: Sequence[Growth]
    late: float = LATE
    away: Sequence[tuple[float, float]] = ()
    """Times in which a part was not there that leads to the pages, in seconds since 1970."""
    ended: Sequence[tuple[str, str]] = ()
    problems: Sequence[str] = ()
    named: Named = field(default=lambda number: f"event {number}")


def findings(outcome: Outcome) -> list[str]:
    """Whatever is wrong; nothing if all is well."""
    return [
        *_of_pages(outcome.pages, outcome.named),
        *_late(outcome),
        *_of_sockets(outcome),
        *_of_relay(outcome),
        *_of_seal(outcome.sealed),
        *_of_processes(outcome),
    ]


def _of_pages(pages: Sequence[Mapping[str, Any]], named: Named) -> Iterator[str]:
    for what, so in (
        ("missing", "never came to"),
        ("twice", "came twice on one socket of"),
        ("unknown", "are in no table, and came to"),
    ):
        if concerned := [page for page in pages if page[f"{what}_count"]]:
            count = sum(page[f"{what}_count"] for page in concerned)
            numbers = {number for page in concerned for number in page[what]}
            yield f"{count:,} events {so} {len(concerned)} of {len(pages)} pages: {_list(numbers, named)}"


def _late(outcome: Outcome) -> Iterator[str]:
    """Events that took long, without the time in which a part on their way was away."""
    worst: dict[int, float] = {}
    for page in outcome.pages:
        for number, moment, came in page["slow"]:
            seconds = came - moment - overlap(moment, came, outcome.away)
            if seconds > outcome.late:
                worst[number] = max(seconds, worst.get(number, 0))
    if worst:
        named = _list(worst, lambda number: f"{outcome.named(number)} after {worst[number]:.0f} s")
        yield f"{len(worst):,} events came later than {outcome.late:.0f} s, with all there that leads to it: {named}"


def overlap(begin: float, end: float, away: Sequence[tuple[float, float]]) -> float:
    """How many seconds of a time lie in others, which may overlap each other."""
    total, reached = 0.0, begin
    for first, last in sorted(away):
        low, high = max(first, reached), min(last, end)
        if high > low:
            total += high - low
            reached = high
    return total


def _of_sockets(outcome: Outcome) -> Iterator[str]:
    for code, count in outcome.codes.items():
        if code not in ORDINARY:
            yield f"{count} sockets were closed with {code}"
    for what, count in outcome.said.items():
        if what.startswith(("reset", "bad_")):
            yield f"{count} sockets were told {what!r}, though the log is the same"


def _of_relay(outcome: Outcome) -> Iterator[str]:
    kept, table = outcome.kept, outcome.table
    if missing := table - kept.ids:
        yield f"{len(missing):,} events never came to the relay's receiver: {_list(missing, outcome.named)}"
    if unknown := kept.ids - table:
        yield f"{len(unknown):,} events are in no table, and came to the relay's receiver: {_list(unknown)}"
    for key, newest, number in kept.disordered:
        yield f"The relay sent {outcome.named(number)} of {key} for the first time after {newest}"
    ends = outcome.kills.get("relay", 0) + sum(part == "relay" for part, _ in outcome.ended)
    if kept.again > IN_HAND * ends:
        yield f"{kept.again:,} events came to the relay's receiver again, of a relay that ended {ends} times"


def _of_seal(sealed: Sealed) -> Iterator[str]:
    if sealed.leaves != sealed.events:
        yield f"The tree has {sealed.leaves:,} leaves, the table {sealed.events:,} events"
    if not sealed.is_countersigned:
        yield "The newest checkpoint is not countersigned"
    if sealed.verdict:
        yield f"signal_verify ends with {sealed.verdict}: {sealed.said}"


def _of_processes(outcome: Outcome) -> Iterator[str]:
    yield from outcome.problems
    for part, line in outcome.ended:
        if part not in MAY_END:
            yield f"{part} ended by itself, and said last: {line}"
    for growth in outcome.growths:
        if not growth.is_flat:
            yield (
                f"The {growth.what} of {growth.part} grew from {growth.before:,.0f} to {growth.after:,.0f}, "
                f"by more than {growth.allowed:,.0f}"
            )


def _list(numbers: Iterable[int], named: Named = str) -> str:
    ordered = sorted(numbers)
    more = ", …" if len(ordered) > MOST_NAMED else ""
    return ", ".join(map(named, ordered[:MOST_NAMED])) + more
