"""Percentiles of a receiver's run times, and how one run compares with them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from signal_log.show.words.text import duration

MIN_RUNS: Final = 20
"""With fewer runs there is no p99: it would just be the longest of a handful."""
MIN_FACTOR: Final = 3
MIN_UNUSUAL_US: Final = 1_000
"""Shorter runs never count as unusual, however much faster the others were."""
SCALE: Final = 100


@dataclass(frozen=True, slots=True)
class Percentiles:
    """The percentiles of ``number`` runs of one receiver; ``p99_us`` is None if there are too few."""

    number: int
    p50_us: int
    p99_us: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One run compared with the others: as text, and its position, p50 and p99 on a graph of width ``SCALE``.

    ``unusual`` does not mean that it was slow, which ``cascade.findings`` decides by the trace alone.
    """

    text: str
    unusual: bool = False
    times: int = 0
    p50: float = 0
    p99: float = 0
    at: float | None = None

    @property
    def band(self) -> float:
        """The width from p50 to p99."""
        return round(self.p99 - self.p50, 1)


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


def standing(duration_us: int, known: Percentiles | None) -> Standing:
    """Compare a run with the others of its receiver."""
    if known is None:
        return Standing("no other recent runs")
    p50 = duration(known.p50_us)
    if known.p99_us is None:
        return Standing(f"p50 {p50} · n={known.number}, too few for p99")
    text = f"p50 {p50} · p99 {duration(known.p99_us)} · n={known.number}"
    end = max(duration_us, known.p99_us, 1)
    times = duration_us // max(known.p50_us, 1)
    unusual = duration_us >= known.p99_us and duration_us >= MIN_UNUSUAL_US and times >= MIN_FACTOR
    return Standing(
        text, unusual, times, *(round(SCALE * us / end, 1) for us in (known.p50_us, known.p99_us, duration_us))
    )
