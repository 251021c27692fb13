"""The sealer: from time to time it takes in what is settled, states the tree's new size and root, and signs that.

Each step is committed before the next begins, and the tree before it is signed, so a sealer may be killed at any
moment: the next round, of whichever sealer, goes on from there. What did not grow from what was signed last is never
signed; then sealing stops, until somebody has found out why.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from django.db import IntegrityError, OperationalError, connections

from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTree, SignalEvent
from signal_log.seal import elected
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.grow import OvertakenError, begin_tree, checkpoint, grow
from signal_log.seal.keys.signing import SealKey, signing_key
from signal_log.seal.note import read_note
from signal_log.seal.origin import origin_of
from signal_log.seal.rewound import GO_ON, AlteredError, must_continue, must_end_as_sealed
from signal_log.seal.settled import Horizon, newest_id
from signal_log.seal.state import why_stopped
from signal_log.seal.stored import current_tree, newest_checkpoint
from signal_log.seal.witness.asking import Asking
from signal_log.vendor import vendor_of

PATIENCE: Final = 0.02
"""Seconds between two looks at whether the transactions that were open are over."""
LOOKS: Final = 3

logger: Final = logging.getLogger("signal_log.seal")

Outcome = Literal["sealed", "elsewhere", "overtaken", "stopped"]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to."""

    outcome: Outcome
    """``elsewhere``: another sealer has the lock; ``overtaken``: another one was quicker, or the database is busy."""
    tree: SealTree | None = None
    grown: int = 0
    checkpoint: SealCheckpoint | None = None
    """The newest that is signed."""
    problem: str = ""
    """Why it is stopped, or not signed."""


class Sealer:
    """One sealer; ``is_over`` is asked between two steps whether to leave the rest for later.

    With ``beside``, as in a server, no round waits for witnesses; without, it ends with their answers.
    """

    def __init__(self, is_over: Callable[[], bool] = lambda: False, *, beside: bool = False) -> None:
        self._is_over = is_over
        self._horizon = Horizon()
        self._asking = Asking(beside=beside)

    def round(self) -> Round:
        """Seal once, if no other sealer does. Raises a database's error."""
        if not elected.stand():
            return Round("elsewhere")
        _keep_what_is_committed()
        try:
            return self._round()
        except OvertakenError:
            return Round("overtaken", current_tree())
        except OperationalError as error:
            if vendor_of(connections[conf.DATABASE]) == "sqlite" and "locked" in str(error):
                return Round("overtaken", current_tree())
            raise

    def close(self) -> None:
        """Let another sealer be elected."""
        elected.resign()

    def _round(self) -> Round:
        tree = current_tree() or first_tree()
        if tree.state != SealTree.State.GROWING:
            return Round("stopped", tree, problem=why_stopped(tree))
        grown = 0
        try:
            self._asking.must_agree()
            must_end_as_sealed(tree)
            _must_be_the_newest(tree)
            grown = self._grow(tree)
            return replace(self._sign(tree), grown=grown)
        except AlteredError as error:
            stop(tree, str(error))
            return Round("stopped", tree, grown, problem=str(error))

    def _grow(self, tree: SealTree) -> int:
        """Take in all that is settled; it waits a moment for transactions that are open, but not for long ones."""
        before = tree.size
        for look in range(LOOKS):
            settled = self._horizon.settled(tree.last_id)
            while tree.last_id < settled and not self._is_over():
                if not grow(tree, settled):
                    break
            if self._is_over() or settled >= newest_id():
                break
            if look + 1 < LOOKS:
                time.sleep(PATIENCE)
        return tree.size - before

    def _sign(self, tree: SealTree) -> Round:
        """State the tree as it is, and sign that; why it cannot be signed is kept for everybody to see."""
        made = checkpoint(tree) if tree.size else None
        newest = newest_checkpoint(tree, signed=True)
        try:
            key = signing_key()
            if key is None:
                _tell(tree, "")
                return Round("sealed", tree, checkpoint=newest)
            if made is not None and not self._asking.may_sign(tree):
                return Round("sealed", tree, checkpoint=newest)
            signed = _signed(tree, key, newest, made) or newest
            if signed is not None:
                self._asking.have_countersigned(tree, signed)
        except AlteredError:
            raise
        except ProofError as error:
            _tell(tree, str(error))
            return Round("sealed", tree, checkpoint=newest, problem=str(error))
        _tell(tree, "")
        return Round("sealed", tree, checkpoint=signed)


def stop(tree: SealTree, problem: str) -> None:
    """Stop sealing, which only a new generation begins again."""
    stopped = {"state": SealTree.State.STOPPED, "problem": problem}
    if SealTree.objects.filter(pk=tree.pk, state=SealTree.State.GROWING).update(**stopped):
        logger.error("Sealing has stopped. %s", problem)
    tree.state, tree.problem = SealTree.State.STOPPED, problem


def _signed(
    tree: SealTree, key: SealKey, newest: SealCheckpoint | None, made: SealCheckpoint | None
) -> SealCheckpoint | None:
    """Sign a checkpoint that has grown from all that was signed before; None if there is nothing to sign."""
    if made is None:
        return None
    recalled = key.last(tree.origin)
    last = recalled.checkpoint if recalled and recalled.checkpoint.origin == tree.origin else None
    if last is not None and last.size > tree.size:
        return None  # it has been seen that enough events wait
    proof = must_continue(tree, last, "that its key remembers") if last else []
    stored = read_checkpoint(read_note(newest.note.encode()).text) if newest else None
    if stored is not None and stored != last:
        must_continue(tree, stored, "that was signed last")
    text = Checkpoint(tree.origin, made.size, bytes(made.root)).text
    try:
        note = key.sign(text, last.size if last else 0, proof).encode().decode()
    except ProofError:
        if key.last(tree.origin) != recalled:
            raise OvertakenError("Another sealer has had a checkpoint signed meanwhile.") from None
        raise
    if not SealCheckpoint.objects.filter(pk=made.pk, size=made.size, note="").update(note=note):
        raise OvertakenError(f"{made} is another by now.")
    made.note = note
    return made


def _must_be_the_newest(tree: SealTree) -> None:
    """Raise ``AlteredError`` if the key has signed more of this log than is there, or has not begun this generation."""
    try:
        key = signing_key()
        recalled = key.last(tree.origin) if key else None
    except ProofError:
        return  # which is told when there is something to sign
    generation, size = recalled.place if recalled else (0, 0)
    if generation > tree.generation:
        raise AlteredError(
            f"The log was rewound: its generation {generation}, of which its key has signed {size:,} events, is "
            f"missing. {GO_ON}"
        )
    if key is not None and generation < tree.generation > 1:
        raise AlteredError(
            f"The key that signs has not begun generation {tree.generation} of this log: somebody has made it up who "
            f"may write the database, or the key's memory was lost. {GO_ON}"
        )
    if recalled is not None and generation == tree.generation and size > tree.size:
        # A tree that a fixture has put back takes in again what it lacks.
        waiting = SignalEvent.objects.filter(pk__gt=tree.last_id).count()
        if tree.size + waiting < size:
            must_continue(tree, recalled.checkpoint, "that its key remembers")


def first_tree() -> SealTree:
    """Begin the first generation, which gives the log its name."""
    try:
        return begin_tree(origin_of(1))
    except IntegrityError:
        raise OvertakenError("Another sealer has begun the tree.") from None


def _tell(tree: SealTree, problem: str) -> None:
    """Keep why nothing is signed, or that it is again."""
    if tree.problem == problem:
        return
    if problem:
        logger.warning("The tree grows unsigned. %s", problem)
    SealTree.objects.filter(pk=tree.pk, state=SealTree.State.GROWING).update(problem=problem)
    tree.problem = problem


def _keep_what_is_committed() -> None:
    """Have SQLite sync what this connection commits, and with it all before: what is signed must not be lost."""
    connection = connections[conf.DATABASE]
    if vendor_of(connection) == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=FULL")
