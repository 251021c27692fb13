"""Goes on after a rewind, as a new generation of the tree, and tells who has said so, why, and what was lost."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from signal_log.audit.own_events import SEALED, tell
from signal_log.conf import conf
from signal_log.models import SealTree
from signal_log.seal.generation import begin_generation, last_known, stopped_tree


@dataclass(frozen=True, slots=True)
class WentOn:
    """What was begun."""

    tree: SealTree
    follows: str
    """The checkpoint that it goes on from, and who knew it."""
    missing: int
    """How many sealed events are gone."""
    unasked: tuple[str, ...]
    """Who could not be asked for a later checkpoint, each in a sentence."""

    @property
    def sentence(self) -> str:
        """The same in words."""
        are = "1 sealed event is" if self.missing == 1 else f"{self.missing:,} sealed events are"
        said = f" {are} missing. Each verification will say so, and that you have acknowledged it."
        return (
            f"{self.tree.origin} goes on from {self.follows}. The next round seals all that is not sealed yet."
            f"{said if self.missing else ''}"
        )


def go_on(reason: str, kept: bytes | None = None) -> WentOn:
    """Begin a new generation; ``kept`` is a checkpoint that somebody has kept. Raises ``ProofError``."""
    stopped = stopped_tree()
    known, unasked = last_known(stopped, kept)
    missing = max(known.checkpoint.size - stopped.size, 0) if known.checkpoint.origin == stopped.origin else None
    with transaction.atomic(using=conf.DATABASE):
        begun, left = begin_generation(stopped, known)
        goes_on = {"origin": begun.origin, "follows": known.text, "after": begun.after_id, "missing": missing}
        tell(
            SEALED, {**goes_on, **left.labels()}, action="new-generation", reason=reason, stopped=stopped.problem,
            known_by=known.whence,
        )  # fmt: skip
    follows = f"{known.checkpoint}, the last checkpoint known, by {known.whence}"
    return WentOn(begun, follows, left.missing + (missing or 0), tuple(unasked))
