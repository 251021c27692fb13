"""What is killed when, for a seed; in each half of the run some processes are spared, so that a leak can show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

OTHERS: Final = ("postgres", "valkey", "caddy", "receiver")
"""Killed in both halves; they are not ours, and nothing is judged of their memory."""
FIRST_HALF: Final = ("web1", "witness", *OTHERS)
SECOND_HALF: Final = ("web2", "relay", *OTHERS)
EVERYTHING: Final = ("postgres", "valkey", "caddy", "receiver", "witness", "web1", "web2", "relay")
"""At half-time all are killed at once, as by a power cut."""
LONGEST_DOWN: Final = 4.0
STOPPED: Final = 0.25
"""How many of the servers' ends are an orderly stop, as a deploy has it."""
QUIET: Final = 10.0
"""Seconds at the beginning and before half-time in which nothing is killed."""


@dataclass(frozen=True, slots=True)
class Kill:
    """The end of some parts, and for how many seconds they are away."""

    at: float
    """Seconds after the beginning."""
    parts: tuple[str, ...]
    down: float
    stopped: bool = False
    """SIGTERM rather than SIGKILL."""

    def __str__(self) -> str:
        named = "everything" if len(self.parts) > 1 else self.parts[0]
        return f"{named} {'stopped' if self.stopped else 'killed'} for {self.down:.1f} s"


def plan(seed: int, seconds: float, every: float) -> list[Kill]:
    """All kills of a run that lasts so long, one ``every`` so many seconds on average, in order."""
    dice, half = Random(seed), seconds / 2
    return [
        *_between(dice, QUIET, half - QUIET, every, FIRST_HALF),
        Kill(half, EVERYTHING, dice.uniform(0.5, LONGEST_DOWN)),
        *_between(dice, half + QUIET, seconds, every, SECOND_HALF),
    ]


def _between(dice: Random, begin: float, end: float, every: float, parts: Sequence[str]) -> Iterator[Kill]:
    """Kills of these parts; each comes once before any comes again."""
    at, bag = begin, list[str]()
    while at < end:
        if not bag:
            bag = dice.sample(parts, len(parts))
        part = bag.pop()
        yield Kill(at, (part,), dice.uniform(0, LONGEST_DOWN), part.startswith("web") and dice.random() < STOPPED)
        at += dice.uniform(0.5, 1.5) * every
