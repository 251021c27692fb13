"""How the seal stands, for every surface that says so: how far it is behind, signed or not, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Final

from django.db.models import Max

from signal_log import clock
from signal_log.amounts import counted_up_to
from signal_log.conf import conf
from signal_log.models import SealCheckpoint, SealTree, SealWitness, SignalEvent, Verification
from signal_log.seal.witness.client import LATELY, countersigned_lately

MOST_COUNTED: Final = 1_000
"""Up to how many unsealed events are counted; of more, the distance of ids tells how many they are at most."""
LATE: Final = 60.0
"""Seconds after which an event should long have been sealed, however seldom that is done."""
ROUNDS_LATE: Final = 12
STOPPED_BY_HAND: Final = (
    "Its state in the database says so and no reason is there: somebody has set it who may write the database. Find "
    "out who; `manage.py signal_seal new-generation --reason …` goes on."
)
UNSIGNED: Final = "Events are sealed and no longer signed, so that whoever may write the database can rewrite them."
NO_KEY: Final = "Checkpoints are not signed: SEAL_KEYS names no key. Run `manage.py signal_seal init`."


@dataclass(frozen=True, slots=True)
class SealState:
    """What the database tells of the newest generation; the rows themselves are not looked at."""

    tree: SealTree | None
    """None until something has been sealed for the first time."""
    checkpoint: SealCheckpoint | None
    """The newest that the log has signed; None if none is."""
    waiting: int
    """How many events are not sealed yet; above ``MOST_COUNTED`` their ids are counted, and some may be no events."""
    waiting_since: datetime | None
    """When the oldest of them occurred."""
    has_key: bool
    """Whether ``SEAL_KEYS`` names a key that signs."""
    witnesses: tuple[SealWitness, ...]
    verification: Verification | None
    """The one that counts: the newest that found tampering, until one of the whole log that looked at the same has
    found nothing; else the newest that came to its end."""

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self.tree.size if self.tree else 0

    @property
    def signed_size(self) -> int:
        """How many of them the newest signed checkpoint covers."""
        return self.checkpoint.size if self.checkpoint else 0

    @property
    def is_signed(self) -> bool:
        """Whether checkpoints are being signed: there is a key, and the newest checkpoint has its signature."""
        return self.has_key and self.checkpoint is not None and not self.unsigned

    @property
    def stopped(self) -> str:
        """Why sealing has stopped, in a sentence; empty while it goes on."""
        return why_stopped(self.tree) if self.tree else ""

    @property
    def unsigned(self) -> str:
        """Why the tree grows without being signed, in a sentence; empty while it is signed, or is stopped."""
        if not self.has_key:
            return NO_KEY
        return self.tree.problem if self.tree and not self.stopped else ""

    @property
    def waiting_told(self) -> str:
        """``12 newer events``, ``up to 12,345 newer events``."""
        return counted_up_to(self.waiting, "newer event", MOST_COUNTED)

    @property
    def waiting_seconds(self) -> float:
        """How long the oldest event has waited to be sealed; 0 if none waits."""
        return max((clock.now() - self.waiting_since).total_seconds(), 0.0) if self.waiting_since else 0.0

    @property
    def is_late(self) -> bool:
        """Whether events wait for far longer than ``SEAL_EVERY``."""
        return self.waiting_seconds > max(LATE, ROUNDS_LATE * conf.SEAL_EVERY)

    @property
    def late(self) -> str:
        """That events wait for far too long, in a sentence; empty if they do not."""
        if self.stopped or not self.is_late:
            return ""
        seconds = f"for {round(self.waiting_seconds):,} seconds"
        if self.waiting == 1:
            return f"1 event is not sealed yet, {seconds}."
        told = counted_up_to(self.waiting, "event", MOST_COUNTED)
        return f"{told[0].upper()}{told[1:]} are not sealed yet, the oldest {seconds}."

    @property
    def tampered(self) -> bool:
        """Whether a verification has found something, and no later one settles it."""
        return self.verification is not None and self.verification.verdict == Verification.Verdict.TAMPERED

    @property
    def witness_problems(self) -> tuple[str, ...]:
        """What is wrong with each witness whose last attempt failed, in a sentence."""
        return tuple(f"{one.name}: {one.problem}" for one in self.witnesses if one.problem)

    @property
    def unwitnessed(self) -> str:
        """That too few witnesses have countersigned lately, in a sentence; empty if enough have."""
        quorum, number = conf.WITNESS_QUORUM, countersigned_lately(self.witnesses)
        if number >= quorum or self.checkpoint is None or self.stopped:
            return ""
        asked = "1 countersignature" if quorum == 1 else f"{quorum} countersignatures"
        return f"WITNESS_QUORUM asks for {asked}; {number or 'none'} came in the last {LATELY // 60} minutes."

    @property
    def problems(self) -> tuple[str, ...]:
        """All that somebody should know and do something about, the gravest first."""
        found = (
            "Verification has found that the log was tampered with." if self.tampered else "",
            self.stopped and f"Sealing has stopped. {self.stopped}",
            self.unsigned,
            self.late,
            self.unwitnessed,
            *self.witness_problems,
        )
        return tuple(one for one in found if one)


def why_stopped(tree: SealTree) -> str:
    """Why the newest generation does not grow, in a sentence, also if nothing here has stopped it; else empty."""
    if tree.state == SealTree.State.GROWING:
        return ""
    return tree.problem or STOPPED_BY_HAND


def why_unsigned(tree: SealTree) -> str:
    """Why a tree grows unsigned although a key is named that should sign, in a sentence; else empty."""
    return tree.problem if tree.state == SealTree.State.GROWING and conf.SEAL_KEYS else ""


def seal_state() -> SealState:
    """Ask the log's database, in seven queries that each read a row or a few by an index."""
    tree = SealTree.objects.order_by("-generation").first()
    waiting, since = _waiting(tree.last_id if tree else 0)
    return SealState(
        tree=tree,
        checkpoint=_signed(tree),
        waiting=waiting,
        waiting_since=since,
        has_key=bool(conf.SEAL_KEYS),
        witnesses=tuple(SealWitness.objects.filter(tree=tree).order_by("name")) if tree else (),
        verification=found_tampering() or Verification.objects.filter(ended_at__isnull=False).first(),
    )


def found_tampering() -> Verification | None:
    """The newest verification that found something and was not settled since.

    One that was begun since has to have found nothing in the whole log, and to have looked at the same: what only a
    witness, a kept checkpoint or an archive shows is not settled by a run without it.
    """
    ended = Verification.objects.filter(ended_at__isnull=False)
    found = ended.filter(verdict=Verification.Verdict.TAMPERED).order_by()
    newest = found.values_list("looked_at").annotate(Max("ended_at"))
    for looked_at, at in sorted(newest, key=itemgetter(1), reverse=True):
        last = found.filter(looked_at=looked_at, ended_at=at).first()
        later = ended.filter(verdict=Verification.Verdict.INTACT, whole=True, ended_at__gte=at, begun_at__gte=at)
        for line in last.evidence if last else ():
            later = later.filter(looked_at__contains=f"\n{line}\n")
        if not later.order_by().exists():
            return last
    return None


def _signed(tree: SealTree | None) -> SealCheckpoint | None:
    """The newest signed checkpoint, which is the last or the one before: only the last may be unsigned."""
    if tree is None:
        return None
    return next((one for one in SealCheckpoint.objects.filter(tree=tree).order_by("-number")[:2] if one.note), None)


def _waiting(last_id: int) -> tuple[int, datetime | None]:
    unsealed = SignalEvent.objects.filter(pk__gt=last_id).order_by("pk")
    since = unsealed.values_list("occurred_at", flat=True).first()
    if since is None:
        return 0, None
    counted = unsealed.values("pk")[: MOST_COUNTED + 1].count()
    if counted <= MOST_COUNTED:
        return counted, since
    newest = SignalEvent.objects.order_by("-pk").values_list("pk", flat=True).first()
    return (newest or last_id) - last_id, since
