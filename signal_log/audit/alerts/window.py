"""Counts what matches within so many seconds of each other, by the time of the events, not of reading (no Django)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

KEPT: Final = 1_000
"""How many more are kept than are needed, because they may come out of order."""


class Counted(NamedTuple):
    """One that matches."""

    at: datetime
    id: int
    key: Hashable


class Reached(NamedTuple):
    """So many were within the time, from the event ``first`` to ``last``."""

    times: int
    first: int
    last: int


class Window:
    """Those of one alert that have matched since it fired."""

    def __init__(self, count: int, seconds: float) -> None:
        self.reached: Reached | None = None
        """The newest time that there were enough."""
        self._count = count
        self._within = timedelta(seconds=seconds)
        self._found: list[Counted] = []
        self._keys: set[Hashable] = set()

    def add(self, at: datetime, number: int, key: Hashable) -> None:
        """Count this one, unless another of the same key is counted already."""
        if key in self._keys:
            return
        self._keys.add(key)
        insort(self._found, one := Counted(at, number, key), key=_time)
        self._look(bisect_left(self._found, at, key=_time) if self._found[-1] is not one else len(self._found) - 1)
        while len(self._found) > self._count + KEPT:
            self._keys.discard(self._found.pop(0).key)

    def forget(self, fired: Callable[[int], bool]) -> None:
        """It has fired with the events of these ids."""
        kept = [one for one in self._found if not fired(one.id)]
        if len(kept) == len(self._found):
            return
        self.reached, self._found, self._keys = None, [], set()
        for one in kept:
            self.add(*one)

    def _look(self, index: int) -> None:
        """Whether there are enough within the time around the one at this index; the fullest such time counts."""
        found, at = self._found, self._found[index].at
        earliest = bisect_left(found, at - self._within, key=_time)
        lows = range(earliest, index + 1) if index + 1 < len(found) else (earliest,)
        ends = [(bisect_right(found, found[low].at + self._within, key=_time) - low, low) for low in lows]
        number, low = max(ends)
        if number >= self._count:
            ids = [one.id for one in found[low : low + number]]
            self.reached = Reached(number, min(ids), max(ids))


def _time(one: Counted) -> datetime:
    return one.at
