"""One witness while a checkpoint is brought to it: what it is asked, what it means, and what is kept of its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

from signal_log.amounts import counted
from signal_log.clock import now
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTree, SealWitness
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.merkle import consistency_proof, root_of
from signal_log.seal.note import Note, VerifierKey, read_note
from signal_log.seal.stored import node
from signal_log.seal.witness.call import Contradicts, Cosigned, Holds, Newest, Witness, add_checkpoint, newest_from
from signal_log.seal.witness.protocol import Request

CLOCKS: Final = 300
"""How far a witness's clock may be from ours before it is said, in seconds."""

Answered = Cosigned | Holds | Contradicts | ProofError


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A witness has countersigned what this tree cannot have grown from: the log was rewound, or rewritten."""

    kind: Literal["rewound", "rewritten"]
    witness: str
    size: int
    """How many events the witness has countersigned."""
    tree_size: int
    known: int = 0
    """How many of them this database knows to be countersigned; fewer, where it was put back and went on."""
    shown: Newest | None = None
    """That checkpoint, verified, if the witness shows it."""

    @property
    def missing(self) -> int:
        """How many sealed events are missing at least."""
        if self.kind == "rewritten":
            return 0
        return self.size - (self.tree_size if self.tree_size < self.size else self.known)

    def __str__(self) -> str:
        if self.kind == "rewound":
            on = " and went on" if self.tree_size >= self.size else ""
            said = (
                f"The log was rewound{on}: the witness {self.witness} has countersigned {self.size:,} events, of "
                f"which {self.missing:,} are missing."
            )
        else:
            said = (
                f"The log was rewritten: the {self.size:,} events that the witness {self.witness} has countersigned "
                f"are not the first ones of the {self.tree_size:,} here."
            )
        return said if self.shown else f"{said} It does not show that checkpoint itself."


@dataclass
class Visit:
    """A checkpoint of a tree is brought to one witness, which may ask for a proof from another size on."""

    witness: Witness
    row: SealWitness
    tree: SealTree
    note: Note
    again: bool = True
    """Whether the witness is to be asked once more, with a proof from ``old`` on."""
    problem: str = ""
    cosigned: Cosigned | None = None
    is_contradicted: bool = False
    remarks: list[str] = field(default_factory=list)
    contradiction: Contradiction | None = None

    def __post_init__(self) -> None:
        self.checkpoint = read_checkpoint(self.note.text)
        self.old = self.row.size if self.row.size <= self.checkpoint.size else 0

    def call(self, seconds: float) -> Callable[[], Answered]:
        """The next call, which touches no database when it is made; without one where no proof can be made."""
        try:
            proof = consistency_proof(self.old, self.checkpoint.size, node(self.tree))
        except ValueError as error:
            return partial(ProofError, f"No proof can be made from {self.old:,} events on: {error}")
        request = Request(self.old, proof, without(self.note, [self.witness.key]), self.checkpoint)
        return partial(_tried, self.witness, request, seconds)

    def take(self, answered: Answered) -> None:
        """What the witness said."""
        self.again = False
        if isinstance(answered, ProofError):
            self.problem = str(answered)
        elif isinstance(answered, Cosigned):
            self._cosigned(answered)
        elif isinstance(answered, Contradicts):
            self.is_contradicted = True
        else:
            self._holds(answered.size)

    def conclude(self, keys: Iterable[VerifierKey], seconds: float) -> None:
        """Where the witness contradicts, ask it to show the checkpoint that does; it need not."""
        if self.again:
            self.problem = "It named another size each time that it was asked."
        if not self.is_contradicted:
            return
        shown: Newest | None
        try:
            shown = newest_from(self.witness.url, self.witness.key, self.tree.origin, keys, seconds=seconds)
        except ProofError:
            shown = None
        if shown is not None and shown.checkpoint.size < self.old:
            shown = None  # it may show a checkpoint later than it signs it
        if shown is not None and is_beginning(shown.checkpoint, self.tree):
            self.problem = (
                "It refuses our proof (422), although the checkpoint that it shows is a beginning of this tree."
            )
            return
        size = shown.checkpoint.size if shown else self.old
        self.contradiction = contradiction(self.witness, self.tree, self.row.size, size, shown)
        self.problem = str(self.contradiction)

    def keep(self, made: SealCheckpoint) -> None:
        """Store what came of it: the signature in place of the witness's older one, and what it said."""
        if self.cosigned is not None:
            note = without(read_note(made.note.encode()), [self.witness.key]).signed(self.cosigned.signature)
            made.note = note.encode().decode()
            SealCheckpoint.objects.filter(pk=made.pk).update(note=made.note)
            self.row.size, self.row.cosigned_at = self.checkpoint.size, self.cosigned.time
        self.row.url, self.row.tried_at = self.witness.url, now()
        self.row.problem = " ".join([self.problem, *self.remarks]).strip()
        self.row.save(using=conf.DATABASE)

    def _cosigned(self, answered: Cosigned) -> None:
        if answered.time < self.row.cosigned_at:
            self.problem = "Its signature is dated before the last one that it made; it was not taken."
            return
        self.cosigned = answered
        ahead = answered.time - int(now().timestamp())
        if abs(ahead) > CLOCKS:
            self.remarks.append(
                f"Its clock is {abs(ahead) // 60:,} minutes {'ahead of' if ahead > 0 else 'behind'} ours."
            )

    def _holds(self, held: int) -> None:
        if held > self.checkpoint.size:
            self.tree.refresh_from_db(fields=["size"])
            if held > self.tree.size:
                self.is_contradicted, self.old = True, held
            else:  # somebody else has brought it a later checkpoint of this tree meanwhile
                self.problem = f"It has countersigned {held:,} events already; this checkpoint is not the newest."
        elif held != self.old:
            if held < self.row.size:
                said = f"It has forgotten that it countersigned {counted(self.row.size, 'event')}: it named {held:,}."
                self.remarks.append(said)
                self.row.forgot_at, self.row.forgot_size = int(now().timestamp()), self.row.size
                self.row.is_told = False
            self.old, self.again = held, True
        elif held == self.checkpoint.size:  # how the protocol's first version says that the root is another
            self.is_contradicted = True
        else:
            self.problem = f"It asks for a proof from {held:,} events on, and does not take it."


def contradiction(by: Witness, tree: SealTree, known: int, size: int, shown: Newest | None = None) -> Contradiction:
    """What it means that a witness holds ``size`` events that do not lead to this tree.

    ``known`` is how many of them this database remembers to be countersigned.
    """
    is_older = size > tree.size or 0 < known < size
    return Contradiction("rewound" if is_older else "rewritten", by.name, size, tree.size, known, shown)


def is_beginning(checkpoint: Checkpoint, tree: SealTree) -> bool:
    """Whether a tree began as a checkpoint says; no, if it is not that large yet, or a tile is missing."""
    try:
        return checkpoint.size <= tree.size and root_of(checkpoint.size, node(tree)) == checkpoint.root
    except ValueError:
        return False


def without(note: Note, keys: Sequence[VerifierKey]) -> Note:
    """The note without the signatures of these keys."""
    left = {(key.name, key.key_id) for key in keys}
    return Note(note.text, tuple(one for one in note.signatures if (one.name, one.key_id) not in left))


def _tried(to: Witness, request: Request, seconds: float) -> Answered:
    try:
        return add_checkpoint(to, request, seconds=seconds)
    except ProofError as error:
        return error
