"""What a sealer asks of witnesses: in a server beside its rounds, so that none waits for one that is slow or hangs.

A thread asks then, on a connection of its own, and stores what they sign and say. One question is under way at a time;
what contradicts the tree stops the round that hears of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Thread
from typing import Final

from signal_log.conf import conf
from signal_log.models import SealCheckpoint, SealTree, SignalEvent
from signal_log.seal.keys.signing import log_vkeys
from signal_log.seal.rewound import GO_ON, AlteredError
from signal_log.seal.witness import client as witness_client
from signal_log.seal.witness.visit import Contradiction
from signal_log.store.own_connection import dedicated_connection
from signal_log.vendor import vendor_of

SECONDS_TO_ANSWER: Final = 0.5
"""For which a round waits all the same: most witnesses answer within, and what they say is told at once."""
SECONDS_FOR_A_LOCK: Final = 0.8
"""How long SQLite is waited for, as by whatever else a server does beside its requests."""

Question = Callable[[], Contradiction | None]

logger: Final = logging.getLogger("signal_log.seal")


class Asking:
    """The questions of one sealer, in whose thread all methods are called; with ``beside``, another thread asks."""

    def __init__(self, *, beside: bool = False) -> None:
        self._is_beside = beside
        self._thread: Thread | None = None
        self._found: list[Contradiction] = []
        self._has_asked_first = False
        self._may_sign = False

    @property
    def is_under_way(self) -> bool:
        """Whether the last question is not answered yet; it ends by the deadlines of its calls."""
        return self._thread is not None and self._thread.is_alive()

    def must_agree(self) -> None:
        """Raise ``AlteredError`` if a witness has seen more, or something else."""
        if self._found:
            raise AlteredError(f"{self._found.pop()} {GO_ON}")

    def may_sign(self, tree: SealTree) -> bool:
        """Ask what witnesses show before this sealer signs for the first time; False until they have answered.

        A key that was put back along with the database remembers nothing of what is missing.
        """
        if not self._may_sign and not self._has_asked_first:
            self._has_asked_first = True
            self._ask(lambda: _shown_against(tree.pk))
        self._may_sign = self._may_sign or not self.is_under_way
        self.must_agree()
        return self._may_sign

    def have_countersigned(self, tree: SealTree, signed: SealCheckpoint) -> None:
        """Bring a checkpoint to the witnesses that are due."""
        if signed.size != tree.size or self.is_under_way or not witness_client.is_due(tree, signed):
            return
        self._ask(lambda: _cosigned(tree.pk, signed.pk))
        if not self.is_under_way:
            signed.refresh_from_db(fields=["note"])
        self.must_agree()

    def _ask(self, question: Question) -> None:
        if not self._is_beside:
            self._found += filter(None, [question()])
            return
        self._thread = Thread(target=self._work, args=(question,), name="signal_log witnesses", daemon=True)
        self._thread.start()
        self._thread.join(SECONDS_TO_ANSWER)

    def _work(self, question: Question) -> None:
        connection = dedicated_connection(conf.DATABASE, "signal_log witnesses")
        try:
            if vendor_of(connection) == "sqlite":
                connection.settings_dict["OPTIONS"]["timeout"] = SECONDS_FOR_A_LOCK
            self._found += filter(None, [question()])
        except Exception as error:  # noqa: BLE001  they are asked again
            logger.warning("What witnesses say could not be asked or kept: %s", str(error) or type(error).__name__)
        finally:
            connection.close()


def _cosigned(tree_pk: int, checkpoint_pk: int) -> Contradiction | None:
    """Ask for countersignatures, with rows of one's own: the sealer's change meanwhile."""
    tree, signed = SealTree.objects.get(pk=tree_pk), SealCheckpoint.objects.get(pk=checkpoint_pk)
    return witness_client.cosign(tree, signed, log_vkeys(tree.origin))


def _shown_against(tree_pk: int) -> Contradiction | None:
    """What a witness shows that is more than there is, or something else."""
    tree = SealTree.objects.get(pk=tree_pk)
    waiting = SignalEvent.objects.filter(pk__gt=tree.last_id).count()
    return witness_client.shown_against(tree, log_vkeys(tree.origin), waiting)
