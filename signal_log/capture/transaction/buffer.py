"""The events of one transaction, and which of them a rollback undoes: to a savepoint, or of the whole."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from signal_log.capture.model.error_text import error_text
from signal_log.capture.model.loaded import Fate
from signal_log.capture.trace.copies import secrets_of
from signal_log.capture.trace.draft import Draft, watchers
from signal_log.capture.transaction.cause import cause
from signal_log.event import COMMITTED, FAILED, ROLLED_BACK

MAX_KEPT: Final = 1_000
"""At most this many written events are kept, to be rewritten if the transaction rolls back."""


class Mark(NamedTuple):
    """A savepoint: how many events and fates there were when it was made, and the time by the buffer's own clock."""

    name: str
    position: int
    fates: int
    clock: int


class Buffer:
    """Drafts in their order, and the open savepoints among them, the outermost first."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.unwritten = 0
        self._marks: list[Mark] = []
        self._clock = 1
        self._dropped = 0
        self._let_go: list[Draft] = []
        """Those that are dropped while somebody collects events, who is still to learn their outcome."""
        self._fates: list[Fate] = []
        self._fate: Fate | None = None

    @property
    def fate(self) -> Fate:
        """What becomes of all that happens from here to the next savepoint, or to the end."""
        if self._fate is None:
            self._fate = Fate()
            self._fates.append(self._fate)
        return self._fate

    def append(self, draft: Draft) -> None:
        """Buffer one event."""
        self.drafts.append(draft)
        self.unwritten += 1

    def mark(self, name: str) -> None:
        """A savepoint of this name has been made; it hides an older one of the same name."""
        self._clock += 1
        self._fate = None
        self._marks.append(Mark(name, len(self.drafts), len(self._fates), self._clock))

    def release(self, name: str) -> None:
        """The savepoint is gone, and those made after it."""
        if (at := self._find(name)) is not None:
            del self._marks[at:]

    def go_back_to(self, name: str, *, forget: bool = False) -> None:
        """Everything after the savepoint is undone, and what was written since is not written any more.

        With ``forget``, no trace of what is undone is kept.
        """
        at = self._find(name)
        # A savepoint older than the first buffered event has no mark: every event came after it.
        mark = self._marks[at] if at is not None else Mark(name, 0, 0, 0)
        del self._marks[0 if at is None else at + 1 :]
        self._decide(mark.fates, undone=True)
        if forget:
            del self.drafts[mark.position :]
        else:
            self._undo(mark.position)
        for draft in self.drafts:
            if draft.written_at is not None and draft.written_at >= mark.clock:
                draft.written_at = None
        self._tell(ROLLED_BACK, mark.clock)
        self.unwritten = sum(draft.written_at is None for draft in self.drafts)

    def undone(self, why: str = "") -> None:
        """The whole transaction is undone; ``why`` defaults to the exception that is the cause."""
        self._decide(0, undone=True)
        self._undo(0, why)
        self._tell(ROLLED_BACK)

    def settled(self) -> None:
        """The transaction is over; what is not undone by now stays."""
        self._decide(0, undone=False)
        self._tell(COMMITTED)

    def _tell(self, outcome: str, since: int = 0) -> None:
        """Decide the outcome of those that were dropped after they had been written at this time or later."""
        for draft in self._let_go:
            if draft.outcome is None and (draft.written_at or 0) >= since:
                draft.outcome = outcome

    def _decide(self, start: int, *, undone: bool) -> None:
        for fate in self._fates[start:]:
            fate.undone = undone
        del self._fates[start:]
        self._fate = None

    def _undo(self, position: int, why: str = "") -> None:
        undecided = [draft for draft in self.drafts[position:] if draft.outcome is None]
        error = why or (error_text(cause(), *secrets_of(self.drafts)) if undecided else "")
        for draft in undecided:
            draft.outcome = FAILED if draft.awaits_post else ROLLED_BACK
            draft.scene.trace.gathered.failed += draft.awaits_post
            draft.error = draft.error or error

    def due(self) -> list[Draft]:
        """The events that are not written."""
        return [draft for draft in self.drafts if draft.written_at is None]

    def note_written(self, drafts: Sequence[Draft], alias: str) -> None:
        """These have been written; of a huge transaction on this database, keep only the first of those."""
        self._clock += 1
        for draft in drafts:
            draft.written_at = self._clock
        self.unwritten -= len(drafts)
        if len(self.drafts) <= MAX_KEPT:
            return
        # Changes in another database are not rolled back with this transaction, so their events are kept.
        kept = [
            i for i, draft in enumerate(self.drafts)
            if i < MAX_KEPT or draft.written_at is None or draft.using != alias or self._may_outlive_its_row(i, draft)
        ]  # fmt: skip
        self._dropped += len(self.drafts) - len(kept)
        if watchers[0]:
            stay = set(kept)
            self._let_go += [draft for i, draft in enumerate(self.drafts) if i not in stay]
        self._marks = [mark._replace(position=bisect_left(kept, mark.position)) for mark in self._marks]
        self.drafts = [self.drafts[i] for i in kept]

    def _may_outlive_its_row(self, position: int, draft: Draft) -> bool:
        """Whether a savepoint came between event and INSERT: a rollback to it undoes only the INSERT."""
        after = bisect_right(self._marks, position, key=lambda mark: mark.position)
        return after < len(self._marks) and (draft.written_at or 0) >= self._marks[after].clock

    def note_dropped(self) -> None:
        """After a rollback, state how many events are missing because they were dropped."""
        if self._dropped and self.drafts:
            last = self.drafts[-1]
            last.error = f"{last.error} (and {self._dropped} more events of this transaction)".strip()

    def _find(self, name: str) -> int | None:
        """The newest savepoint of this name."""
        return next((at for at in range(len(self._marks) - 1, -1, -1) if self._marks[at].name == name), None)
