"""The gap-aware cursor: what has been delivered, and which ids below may still commit.

Ids are given out before their transactions commit, so an id that is missing between two visible rows is
either dead (rolled back) or still to come. Rows are delivered ahead of such gaps. On PostgreSQL a gap is
dead by the *lock rule*: an INSERT takes its lock on the table before it takes its id and gives it back
after its commit is visible, so whoever may still fill the gap held that lock right after the read that met
the gap. When none of those holders is left *before* a later read, and that read still misses the ids, they
are dead. Never a clock. On SQLite, with its one writer, a gap below a visible id is dead at once.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from signal_log.errors import CursorError

Range = tuple[int, int]
"""First and last id, both included."""

Holders = frozenset[str]
"""The transactions that hold a write lock on the log's table."""

PREPARED: Final = "prepared"
"""Stands among the holders while any prepared transaction holds the lock (its identity may have changed)."""

_TOKEN: Final = re.compile(r"([0-9a-f]{8}):(0|[1-9][0-9]{0,18}):([0-9a-f]{8}|)")
_LARGEST_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, order=True)
class Anchor:
    """A row, named so that a reused id is noticed: its id and the first 8 hex digits of its digest."""

    id: int
    mark: str


START: Final = Anchor(0, "")
"""Before the first row."""


@dataclass(frozen=True, slots=True)
class Token:
    """A reader's place: in the log ``epoch``, everything up to ``anchor`` is settled."""

    epoch: str
    anchor: Anchor

    @classmethod
    def parse(cls, text: str) -> Token:
        """The token of a text that ``str()`` gave; raises ``CursorError`` for anything else."""
        found = _TOKEN.fullmatch(text)
        if found is None or int(found[2]) > _LARGEST_ID or (found[2] == "0") != (found[3] == ""):
            raise CursorError("This is not a cursor that the log handed out. Send null to start afresh.")
        return cls(found[1], Anchor(int(found[2]), found[3]))

    def __str__(self) -> str:
        return f"{self.epoch}:{self.anchor.id}:{self.anchor.mark}"


@dataclass(frozen=True, slots=True)
class Gap:
    """Missing ids, the row right below them, and who may still fill them (None: not yet looked)."""

    first: int
    last: int
    below: Anchor
    since: float
    holders: Holders | None = None

    def open_under(self, now: Holders) -> bool:
        """Whether a transaction that may fill the gap is among those that hold the lock now."""
        if self.holders is None:
            return True
        return bool(self.holders & now) or (bool(self.holders) and PREPARED in now)


@dataclass(frozen=True, slots=True)
class Question:
    """What the next read must ask for: every row above ``high``, and those in ``ranges``."""

    high: int
    ranges: tuple[Range, ...]


class GapCursor:
    """The state of one reader of the whole log; ``question`` → read → ``take`` → ``note_holders``, for ever."""

    def __init__(self, top: Anchor, gaps: Iterable[Gap] = (), *, one_writer: bool = False) -> None:
        self.top = top
        self.gaps = list(gaps)
        self.one_writer = one_writer
        self._turn = 0

    @property
    def settled(self) -> Anchor:
        """The newest row up to which every id is delivered or dead."""
        return self.gaps[0].below if self.gaps else self.top

    def question(self, most_ranges: int) -> Question:
        """Ask for what is new, and for some of the gaps, in turn when there are very many."""
        if self._turn >= len(self.gaps):
            self._turn = 0
        asked = self.gaps[self._turn : self._turn + most_ranges]
        self._turn += most_ranges
        return Question(self.top.id, tuple((gap.first, gap.last) for gap in asked))

    def take(self, question: Question, rows: Sequence[Anchor], *, complete: bool, before: Holders, now: float) -> None:
        """Note what a read found, in order of id.

        ``complete`` is False when the read stopped at its limit; ``before`` are the holders as they were
        before the read began; ``now`` only dates new gaps.
        """
        seen_to = _LARGEST_ID if complete or not rows else rows[-1].id
        late = [row for row in rows if row.id <= question.high]
        asked = set(question.ranges)
        kept: list[Gap] = []
        for gap in self.gaps:
            if (gap.first, gap.last) not in asked:
                kept.append(gap)
            elif gap.last > seen_to or gap.open_under(before):
                kept.extend(_without(gap, late))
        self.gaps = kept
        self._extend([row for row in rows if row.id > question.high], now)

    def note_holders(self, holders: Holders) -> None:
        """Keep the evidence for the gaps that the last read met; to be taken right after that read."""
        self.gaps = [
            gap if gap.holders is not None else Gap(gap.first, gap.last, gap.below, gap.since, holders)
            for gap in self.gaps
        ]

    def _extend(self, rows: Iterable[Anchor], now: float) -> None:
        for row in rows:
            if row.id > self.top.id + 1 and not self.one_writer:
                self.gaps.append(Gap(self.top.id + 1, row.id - 1, self.top, now))
            self.top = row


def _without(gap: Gap, late: Sequence[Anchor]) -> list[Gap]:
    """What is left of a gap after some of its ids arrived."""
    left: list[Gap] = []
    first, below = gap.first, gap.below
    for row in late:
        if not gap.first <= row.id <= gap.last:
            continue
        if row.id > first:
            left.append(Gap(first, row.id - 1, below, gap.since, gap.holders))
        first, below = row.id + 1, row
    if first <= gap.last:
        left.append(Gap(first, gap.last, below, gap.since, gap.holders))
    return left


@dataclass(slots=True)
class Ids:
    """A set of ids kept as sorted ranges: small, however many neighbours it holds."""

    ranges: list[Range] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.ranges, (number, _LARGEST_ID)) - 1
        return at >= 0 and self.ranges[at][1] >= number

    def add(self, number: int) -> None:
        """Put an id in, joining it to its neighbours."""
        if number in self:
            return
        at = bisect_left(self.ranges, (number, number))
        first = last = number
        if at < len(self.ranges) and self.ranges[at][0] == number + 1:
            last = self.ranges.pop(at)[1]
        if at > 0 and self.ranges[at - 1][1] == number - 1:
            at -= 1
            first = self.ranges.pop(at)[0]
        self.ranges.insert(at, (first, last))

    def discard(self, number: int) -> None:
        """Take an id out, if it is there."""
        at = bisect_right(self.ranges, (number, _LARGEST_ID)) - 1
        if at < 0 or self.ranges[at][1] < number:
            return
        first, last = self.ranges[at]
        self.ranges[at : at + 1] = [
            (low, high) for low, high in ((first, number - 1), (number + 1, last)) if low <= high
        ]

    def discard_up_to(self, number: int, among: Iterable[Range]) -> None:
        """Take out of these ranges every id that is not above ``number``."""
        for first, last in among:
            if first > number:
                continue
            self.ranges.remove((first, last))
            if last > number:
                at = bisect_left(self.ranges, (number + 1, last))
                self.ranges.insert(at, (number + 1, last))


@dataclass(frozen=True, slots=True)
class Frontier:
    """How far a hub has handed out the log: the newest row, up to where all is settled, and the gaps between."""

    epoch: str
    top: Anchor
    settled: Anchor
    gaps: Ids
