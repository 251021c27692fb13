"""Checks the checkpoints of a tree: numbers without a gap, notes that say what their rows say, signatures."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from signal_log.amounts import counted_are
from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTree
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.note import Note, VerifierKey, read_note, signed_by, time_of
from signal_log.seal.ranges import Ranges
from signal_log.seal.verify.findings import CHECKPOINT, COSIGNATURE, REWOUND, REWRITTEN, SIGNATURE, Report
from signal_log.seal.verify.retired import Retired
from signal_log.seal.verify.roots import Stated, rows_at
from signal_log.seal.verify.stamps import Stamps

PAGE: Final = 500


@dataclass(slots=True)
class Countersigned:
    """The newest checkpoint that a witness's signature was found on."""

    size: int = 0
    time: int = 0


class Checkpoints:
    """Those of one tree, up to a number."""

    def __init__(
        self, tree: SealTree, up_to: int, keys: Sequence[VerifierKey], retired: Sequence[Retired],
        witnesses: Sequence[VerifierKey], report: Report,
    ) -> None:  # fmt: skip
        self._tree = tree
        self._up_to = up_to
        self._keys = list(keys)
        self._retired = {one.under(tree.origin): one for one in retired}
        self._witnesses = list(witnesses)
        self._report = report
        self.number = 0
        """Of the last one."""
        self.signed = 0
        """How many one of the keys has signed."""
        self.signed_size = 0
        self.unsigned_since: datetime | None = None
        """When the last was made, if it has no signature."""
        self.others: dict[int, str] = {}
        """Which have signatures of other keys alone, and the first of those."""
        self.retired: dict[Retired, Ranges] = {}
        """Which are signed by a key that was this log's, and is not named any more."""
        self.cosigned = {key: Countersigned() for key in witnesses}
        self._stamps = Stamps(tree.origin, report)
        self._wrong = Ranges()
        self._wrong_below = self._wrong_size = 0

    def stated(self) -> Iterator[Stated]:
        """What each of them states, in order; findings about each are told on the way."""
        size, missing, unordered, beyond = 0, Ranges(), Ranges(), Ranges()
        for row in self._rows():
            if row.number > self.number + 1:
                missing.add(self.number + 1, row.number - 1)
            self.number = row.number
            signed = self.signed
            one = self._read(row)
            if one.size < size or (one.size == size and row.number > 1):
                unordered.add(row.number)
                continue
            size = one.size
            if size > self._tree.size:
                beyond.add(row.number)
                continue
            yield Stated(size, one.root, self._tell(row.number, size), self.signed > signed)
        self._stamps.tell()
        find = self._report.find
        if missing:
            find(CHECKPOINT, f"Checkpoints are missing: {missing}.", checkpoints=missing)
        if unordered:
            find(CHECKPOINT, f"Checkpoints state no larger size than those before them: {unordered}.",
                 checkpoints=unordered)  # fmt: skip
        if beyond:
            find(
                REWOUND,
                f"Checkpoints state up to {size:,} leaves, but the tree has {self._tree.size:,}: "
                f"{counted_are(size - self._tree.size, 'sealed event')} missing at its end.", checkpoints=beyond,
            )  # fmt: skip

    def _rows(self) -> Iterator[SealCheckpoint]:
        number = 0
        found = SealCheckpoint.objects.filter(tree=self._tree, number__lte=self._up_to).order_by("number")
        while page := list(found.filter(number__gt=number)[:PAGE]):
            yield from page
            number = page[-1].number

    def _read(self, row: SealCheckpoint) -> Checkpoint:
        """What a row states; if it is signed, what is signed."""
        as_row = Checkpoint(self._tree.origin, row.size, bytes(row.root))
        here = Ranges.of([row.number])
        self.unsigned_since = None
        if not row.note:
            self._stamps.check(row, as_row.text)
            self.unsigned_since = row.made_at
            if row.number < self._up_to:
                self._report.find(
                    SIGNATURE, f"Checkpoint {row.number} has lost its signature: only the last may be without one.",
                    checkpoints=here,
                )  # fmt: skip
            return as_row
        try:
            note = read_note(row.note.encode())
            self._stamps.check(row, note.text)
            stated = read_checkpoint(note.text)
        except ProofError as error:
            self._report.find(CHECKPOINT, f"Checkpoint {row.number} cannot be read: {error}", checkpoints=here)
            return as_row
        if stated != as_row:
            self._report.find(
                CHECKPOINT,
                f"Checkpoint {row.number} was replaced: its note states {stated} with the root {short(stated.root)}, "
                f"its row {as_row} with the root {short(as_row.root)}.", checkpoints=here,
            )  # fmt: skip
        if self._is_signed(row.number, note, stated.size):
            self._look_for_witnesses(row.number, note, stated.size)
            return stated
        return as_row

    def _is_signed(self, number: int, note: Note, size: int) -> bool:
        if not self._keys:
            return True
        try:
            found = signed_by(note, self._keys)
            former = signed_by(note, self._retired) if not found else {}
        except ProofError as error:
            self._report.find(SIGNATURE, f"Checkpoint {number}: {error}", checkpoints=Ranges.of([number]))
            return False
        if found:
            self.signed += 1
            self.signed_size = max(self.signed_size, size)
            return True
        if former:
            self.retired.setdefault(self._retired[next(iter(former))], Ranges()).add(number)
            return True
        if len(self.others) < PAGE:
            self.others[number] = note.signatures[0].name
        return False

    def _look_for_witnesses(self, number: int, note: Note, size: int) -> None:
        for key in self._witnesses:
            try:
                found = signed_by(note, [key])
            except ProofError as error:
                self._report.find(COSIGNATURE, f"Checkpoint {number}: {error}", checkpoints=Ranges.of([number]))
                continue
            if key in found:
                self.cosigned[key] = Countersigned(size, time_of(found[key]))

    def _tell(self, number: int, size: int) -> Callable[[int], None]:
        def tell(held: int) -> None:
            if not self._wrong:
                self._wrong_below, self._wrong_size = held, size
            self._wrong.add(number)

        return tell

    def tell_wrong(self, *, tiles_are_sound: bool) -> None:
        """Tell of the roots that the tiles do not give, in one finding."""
        if not self._wrong:
            return
        first, last = self._wrong_below, self._wrong_size - 1
        where = Ranges([(first, last)]) if first <= last else Ranges()
        which = f"Checkpoint {self._wrong}" if self._wrong.count == 1 else f"Checkpoints {self._wrong}"
        states = "states another root" if self._wrong.count == 1 else "state other roots"
        self._report.find(
            REWRITTEN,
            f"{which} {states} than the tiles give: "
            f"what stands at the indexes {where} is not what was sealed there"
            f"{'' if tiles_are_sound else ', or only the tiles were altered'}.",
            events=rows_at(self._tree, first, last) if where else None,
            indexes={self._tree.generation: where}, checkpoints=self._wrong,
        )  # fmt: skip


def short(root: bytes) -> str:
    """Enough of a hash to tell it from another."""
    return base64.b64encode(root).decode()[:12] + "…"
