"""Whether what a process holds stays flat while it lives: its memory, connections, open files and threads.

A life is judged without its first quarter, and without its first minute, in which caches and pools fill. Of the rest,
the median of the last quarter may be above the median of the first by what ``ALLOWED`` says. So a leak shows that is
larger than that in half of the life or so; the longer the run, the smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, NamedTuple

FEWEST: Final = 16
"""Samples without which a life says nothing."""
WARM_UP: Final = 60.0
SHORTEST: Final = 30.0
"""Seconds, of which the first are not judged, and of which there must be the second besides."""
MB: Final = 1024 * 1024
A_SOCKET: Final = 64 * 1024
"""Bytes that one more open page may take: they move from server to server when one is killed."""


class Sample(NamedTuple):
    """What a process held at a moment."""

    at: float
    """Seconds after the beginning of the run."""
    memory: int
    """Resident bytes."""
    files: int
    """Open files and sockets, without those that others have opened to it."""
    connections: int
    """Of TCP, that it has opened itself."""
    threads: int
    pages: int = 0
    """Connections that others have opened to it."""


class Allowed(NamedTuple):
    """By how much something may grow: the larger of a part of it and a number."""

    share: float
    number: float


ALLOWED: Final = {
    "memory": Allowed(0.1, 8 * MB),
    # The pool of a server has up to 16 connections, and gives back what it has not needed for ten minutes.
    "files": Allowed(0.1, 14),
    "connections": Allowed(0.1, 14),
    "threads": Allowed(0.1, 8),
}


@dataclass
class Life:
    """One process of a part, from its start to its end."""

    part: str
    process: int
    samples: list[Sample] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it was watched."""
        return self.samples[-1].at - self.samples[0].at if self.samples else 0.0


class Growth(NamedTuple):
    """One quantity of a life."""

    part: str
    what: str
    before: float
    after: float
    allowed: float
    an_hour: float
    """By how much it would grow in an hour, if it went on so."""

    @property
    def is_flat(self) -> bool:
        return self.after - self.before <= self.allowed


def growths(life: Life) -> list[Growth]:
    """Each quantity of a life, at its beginning and at its end; nothing of one that was too short."""
    since = life.samples[0].at + max(WARM_UP, life.seconds / 4) if life.samples else 0.0
    settled = [one for one in life.samples if one.at >= since]
    if len(settled) < FEWEST or settled[-1].at - since < SHORTEST:
        return []
    first, last = settled[: len(settled) // 4], settled[-(len(settled) // 4) :]
    hours = (_of(last, lambda one: one.at) - _of(first, lambda one: one.at)) / 3600
    pages = max(0.0, _of(last, lambda one: one.pages) - _of(first, lambda one: one.pages))
    found = []
    for what, allowed in ALLOWED.items():
        before, after = (_of(some, lambda one, what=what: getattr(one, what)) for some in (first, last))  # type: ignore[misc]
        most = max(allowed.share * before, allowed.number) + (pages * A_SOCKET if what == "memory" else 0)
        found.append(Growth(life.part, what, before, after, most, (after - before) / hours if hours else 0.0))
    return found


def longest(lives: Sequence[Life]) -> list[Life]:
    """Of each part the process that lived longest, which is the one to judge."""
    found: dict[str, Life] = {}
    for life in lives:
        if life.part not in found or life.seconds > found[life.part].seconds:
            found[life.part] = life
    return list(found.values())


def _of(samples: Sequence[Sample], value: Callable[[Sample], float]) -> float:
    return median(value(one) for one in samples)
