"""What the sealed event of a new generation tells: who went on, after what, and what was missing already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Final

from signal_log.errors import ProofError
from signal_log.event import COMMITTED
from signal_log.models import SealTree, SignalEvent
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.ranges import Ranges, format_indexes
from signal_log.seal.stored import place_of
from signal_log.seal.verify.findings import REWOUND, Report
from signal_log.seal.verify.held import Held
from signal_log.seal.verify.left import Left, read_left
from signal_log.seal.verify.retired import SEALED
from signal_log.seal.verify.rows import row_of

MOST_TOLD: Final = 10
"""So many events of one generation's beginning are looked at: more than one is no honest log's."""


def told_of(tree: SealTree) -> SignalEvent | None:
    """The event that tells of a generation's beginning: as it was written, and sealed where its place is."""
    return next(tellers(tree), None)


def tellers(tree: SealTree) -> Iterator[SignalEvent]:
    """All events that tell of it: of an honest log's there is one."""
    events = SignalEvent.objects.filter(signal=SEALED, outcome=COMMITTED, labels__origin=tree.origin).order_by("pk")
    for event in events.filter(pk__gt=tree.after_id)[:MOST_TOLD]:
        row = row_of(event.pk)
        if row is not None and row.leaf == row.stored and (event.pk > tree.last_id or place_of(event) is not None):
            yield event


def left_told(told: SignalEvent | None) -> Left | None:
    """What it says was left; None if it does not."""
    try:
        return read_left(labels_of(told))
    except ProofError:
        return None


def acknowledged(trees: Sequence[SealTree], begun: set[int] | None = None) -> dict[int, Ranges]:
    """The leaves of earlier generations of which the beginnings of later ones tell that they have no row there.

    Only those of the generations ``begun`` count, if these are given.
    """
    found: dict[int, Ranges] = {}
    for after in trees[1:]:
        told = left_told(told_of(after)) if begun is None or after.generation in begun else None
        for leaves in (told.lost, told.again) if told is not None else ():
            for generation, ranges in leaves.items():
                if generation < after.generation:
                    found.setdefault(generation, Ranges()).update(ranges)
    return found


def stated_of(before: SealTree, after: SealTree) -> list[Held]:
    """What a generation goes on from: the checkpoint that its first leaf stands for, and the tree as it was then."""
    told = told_of(after)
    who, found = f"Whoever began generation {after.generation}", []
    followed = checkpoint_of(told)
    follows = followed.text if followed is not None else ""
    if after.previous is None or sha256(follows.encode()).digest() != bytes(after.previous):
        return []
    if followed is not None and followed.origin == before.origin and followed.size <= before.size:
        found.append(Held(who, followed))
    left = left_told(told)
    if left is not None and left.root and left.size <= before.size:
        stated = Held(who, Checkpoint(before.origin, left.size, left.root))
        found += [stated] * (stated not in found)
    return found


def rewind_told(before: SealTree, after: SealTree, told: SignalEvent, known: int = 0) -> str:
    """That sealed events are missing since a rewind, and who acknowledged it; empty if none are.

    ``known`` is the size of the largest checkpoint of the generation before that anybody still has.
    """
    followed, left = checkpoint_of(told), left_told(told)
    who = (
        f"acknowledged by {told.actor_repr or told.actor_pk or told.source or 'somebody unknown'} on "
        f"{told.occurred_at:%Y-%m-%d %H:%M} UTC (event {told.pk}): "
        f"{labels_of(told).get('reason') or 'no reason was given'}"
    )
    if followed is not None and followed.origin != before.origin:
        return f"All that was sealed of {followed.origin} is missing since the log was rewound, {who}"
    size = left.size if left is not None else before.size
    missing = max(size, followed.size if followed else 0, known) - size
    missing += left.missing if left is not None else 0
    if missing <= 0:
        return ""
    are = "sealed event is" if missing == 1 else "sealed events are"
    return f"{missing:,} {are} missing since the log was rewound, {who}"


def tell_left(told: SignalEvent, report: Report) -> None:
    """Name what was missing, and what is sealed twice."""
    left = left_told(told)
    if left is None:
        return
    if lost := format_indexes(left.lost):
        report.notes.append(f"Missing, as event {told.pk} acknowledges: {lost}. All else of these is compared.")
    if again := format_indexes(left.again):
        report.notes.append(f"Sealed again since, as event {told.pk} tells: {again}.")
    if not left.root:
        report.limits.append(f"The tree was damaged already when it was acknowledged, as event {told.pk} tells.")


def check_given(
    kept: dict[str, list[Held]], trees: Sequence[SealTree], lost: dict[int, Ranges], report: Report
) -> None:
    """A checkpoint that this run was asked about counts, also against what was acknowledged."""
    for before, after in pairwise(trees):
        gone = lost.get(before.generation, Ranges()).without(again_of(after, before.generation))
        for one in kept.get(before.origin, []):
            size = one.checkpoint.size
            if one.is_given and (missing := gone.common(Ranges([(0, size - 1)] if size else []))):
                are = "1 is" if missing.count == 1 else f"{missing.count:,} are"
                report.find(
                    REWOUND, f"{one.who} holds a checkpoint of {size:,} events, of which {are} missing, though that "
                    "was acknowledged.", indexes={before.generation: missing},
                )  # fmt: skip


def again_of(after: SealTree, generation: int) -> Ranges:
    """Leaves of a generation that the next one seals again."""
    left = left_told(told_of(after))
    return Ranges(left.again.get(generation, ())) if left is not None else Ranges()


def checkpoint_of(told: SignalEvent | None) -> Checkpoint | None:
    """The checkpoint that a generation follows, as its event has it."""
    try:
        return read_checkpoint(str(labels_of(told).get("follows", "")))
    except ProofError:
        return None


def labels_of(event: SignalEvent | None) -> dict[str, object]:
    """The labels of an event; none of none."""
    labels = event.labels if event is not None else None
    return labels if isinstance(labels, dict) else {}
