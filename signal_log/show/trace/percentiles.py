"""How long a receiver usually takes, and where one of its runs stands in that: numbers in, words out."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final, NamedTuple

from signal_log.show.words.text import duration

FEWEST: Final = 20
"""Of fewer runs no p99 is said: it would be the longest of a handful."""
TIMES_P50: Final = 3
SHORTEST_US: Final = 1_000
"""What takes less is called slow by nobody, however much shorter the others were."""
SCALE: Final = 100


class Call(NamedTuple):
    """One run of a receiver, as an event recorded it."""

    receiver: str
    duration_us: int | None
    error: str


def calls_in(recorded: Any) -> list[Call]:
    """The runs in a ``receivers`` column; a row that somebody else wrote may hold anything."""
    found = []
    for entry in recorded if isinstance(recorded, list) else ():
        if isinstance(entry, dict):
            taken = entry.get("duration_us")
            number = taken if isinstance(taken, int) else None
            found.append(Call(str(entry.get("receiver") or ""), number, str(entry.get("error") or "")))
    return found


@dataclass(frozen=True, slots=True)
class Usual:
    """The quantiles of ``number`` runs of one receiver; ``p99_us`` is None where they are too few for it."""

    number: int
    p50_us: int
    p99_us: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One run beside the others: the words for it, and for a graph of ``SCALE`` where p50, p99 and it lie."""

    text: str
    slow: bool = False
    times: int = 0
    p50: float = 0
    p99: float = 0
    at: float | None = None

    @property
    def band(self) -> float:
        """From p50 to p99."""
        return round(self.p99 - self.p50, 1)


def runs_in(columns: Iterable[Any]) -> dict[str, list[int]]:
    """How long each receiver took in these ``receivers`` columns, by its name, shortest first."""
    times: dict[str, list[int]] = defaultdict(list)
    for recorded in columns:
        for call in calls_in(recorded):
            if call.duration_us is not None:
                times[call.receiver].append(call.duration_us)
    return {name: sorted(taken) for name, taken in times.items()}


def usual(runs: Sequence[int], without: int | None = None) -> Usual | None:
    """The quantiles of some runs, shortest first, ``without`` one of them: a run is no measure of itself."""
    left_out = len(runs) if without is None else bisect_left(runs, without)
    number = len(runs) - (left_out < len(runs))
    if not number:
        return None

    def quantile(part: float) -> int:
        """The nearest rank: a time that some run really took."""
        rank = ceil(part * number) - 1
        return runs[rank if rank < left_out else rank + 1]

    return Usual(number, quantile(0.5), quantile(0.99) if number >= FEWEST else None)


def standing(duration_us: int | None, known: Usual | None) -> Standing:
    """Where a run stands among the others of its receiver."""
    if known is None:
        return Standing("no other recent runs")
    p50 = duration(known.p50_us)
    if known.p99_us is None:
        return Standing(f"p50 {p50} · {known.number} run{'' if known.number == 1 else 's'}, too few for p99")
    text = f"p50 {p50} · p99 {duration(known.p99_us)} · {known.number} runs"
    if duration_us is None:
        return Standing(text)
    end = max(duration_us, known.p99_us, 1)
    times = duration_us // max(known.p50_us, 1)
    slow = duration_us >= known.p99_us and duration_us >= SHORTEST_US and times >= TIMES_P50
    return Standing(
        text, slow, times, *(round(SCALE * us / end, 1) for us in (known.p50_us, known.p99_us, duration_us))
    )
