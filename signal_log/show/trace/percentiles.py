"""Percentiles of a receiver's run times, and how one run compares with them."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final, NamedTuple

from signal_log.show.words.text import duration

MIN_RUNS: Final = 20
"""With fewer runs there is no p99: it would just be the longest of a handful."""
MIN_FACTOR: Final = 3
MIN_SLOW_US: Final = 1_000
"""Shorter runs never count as slow, however much faster the others were."""
SCALE: Final = 100


class Call(NamedTuple):
    """One run of a receiver, as an event recorded it."""

    receiver: str
    duration_us: int | None
    error: str


def calls_in(recorded: Any) -> list[Call]:
    """The runs in a ``receivers`` column; a row not written by the recorder may contain anything."""
    found = []
    for entry in recorded if isinstance(recorded, list) else ():
        if isinstance(entry, dict):
            taken = entry.get("duration_us")
            number = taken if isinstance(taken, int) else None
            found.append(Call(str(entry.get("receiver") or ""), number, str(entry.get("error") or "")))
    return found


@dataclass(frozen=True, slots=True)
class Percentiles:
    """The percentiles of ``number`` runs of one receiver; ``p99_us`` is None if there are too few."""

    number: int
    p50_us: int
    p99_us: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One run compared with the others: as text, and its position, p50 and p99 on a graph of width ``SCALE``."""

    text: str
    slow: bool = False
    times: int = 0
    p50: float = 0
    p99: float = 0
    at: float | None = None

    @property
    def band(self) -> float:
        """The width from p50 to p99."""
        return round(self.p99 - self.p50, 1)


def runs_in(columns: Iterable[Any]) -> dict[str, list[int]]:
    """The run times in these ``receivers`` columns by receiver, in ascending order."""
    times: dict[str, list[int]] = defaultdict(list)
    for recorded in columns:
        for call in calls_in(recorded):
            if call.duration_us is not None:
                times[call.receiver].append(call.duration_us)
    return {name: sorted(taken) for name, taken in times.items()}


def percentiles(runs: Sequence[int], without: int | None = None) -> Percentiles | None:
    """The percentiles of runs in ascending order, ``without`` the run to be compared with them."""
    left_out = len(runs) if without is None else bisect_left(runs, without)
    number = len(runs) - (left_out < len(runs))
    if not number:
        return None

    def quantile(part: float) -> int:
        """The nearest-rank quantile, which is the time of an actual run."""
        rank = ceil(part * number) - 1
        return runs[rank if rank < left_out else rank + 1]

    return Percentiles(number, quantile(0.5), quantile(0.99) if number >= MIN_RUNS else None)


def standing(duration_us: int | None, known: Percentiles | None) -> Standing:
    """Compare a run with the others of its receiver."""
    if known is None:
        return Standing("no other recent runs")
    p50 = duration(known.p50_us)
    if known.p99_us is None:
        return Standing(f"p50 {p50} · n={known.number}, too few for p99")
    text = f"p50 {p50} · p99 {duration(known.p99_us)} · n={known.number}"
    if duration_us is None:
        return Standing(text)
    end = max(duration_us, known.p99_us, 1)
    times = duration_us // max(known.p50_us, 1)
    slow = duration_us >= known.p99_us and duration_us >= MIN_SLOW_US and times >= MIN_FACTOR
    return Standing(
        text, slow, times, *(round(SCALE * us / end, 1) for us in (known.p50_us, known.p99_us, duration_us))
    )
