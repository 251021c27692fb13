"""Checks how a log that was rewound goes on: each new generation as an event of the log tells, and no other way."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from hashlib import sha256
from typing import Final

from signal_log.models import SealTree, SignalEvent
from signal_log.seal.merkle import leaf_hash
from signal_log.seal.ranges import Ranges
from signal_log.seal.remembered import generation_of
from signal_log.seal.stored import place_of
from signal_log.seal.verify.findings import GENERATION, INSERTED, Report
from signal_log.seal.verify.tiles import tiles_of_level

SEALED: Final = "signal_log.sealed"
"""The signal of an event that tells of a key or a new generation."""


def as_far_as_it_counts(tree: SealTree, trees: Sequence[SealTree], report: Report) -> SealTree:
    """A generation up to the last row that the next one does not seal again, as rows above it were altered."""
    following = next((one for one in trees if one.generation > tree.generation), None)
    if following is None or following.after_id >= tree.last_id:
        return tree
    counted = copy(tree)
    counted.size = _size_left(tree, following)
    counted.last_id = following.after_id
    report.notes.append(
        f"The last {tree.size - counted.size:,} leaves of generation {tree.generation} have no rows any more: the log "
        "was rewound before them."
    )
    return counted


def _size_left(tree: SealTree, following: SealTree) -> int:
    """How many leaves of a generation still have their rows, now that another follows."""
    if following.after_id >= tree.last_id:
        return tree.size
    last = SignalEvent.objects.filter(pk__gt=tree.after_id, pk__lte=following.after_id).order_by("-pk").first()
    place = place_of(last) if last is not None else None
    return place.leaf + 1 if place is not None and place.tree.pk == tree.pk else 0


def rewind_told(before: SealTree, after: SealTree, told: SignalEvent, known: int = 0) -> str:
    """That sealed events are missing since a rewind, and who acknowledged it; empty if none are.

    ``known`` is the size of the largest checkpoint of the generation before that anybody still has.
    """
    labels = told.labels or {}
    stated = labels.get("missing")
    size = before.size + (stated if isinstance(stated, int) else 0)
    missing = max(size, known) - _size_left(before, after)
    if missing <= 0:
        return ""
    who = told.actor_repr or told.actor_pk or told.source or "somebody unknown"
    are = "sealed event is" if missing == 1 else "sealed events are"
    return (
        f"{missing:,} {are} missing since the log was rewound, acknowledged by {who} on "
        f"{told.occurred_at:%Y-%m-%d} (event {told.pk}): {labels.get('reason') or 'no reason was given'}"
    )


def told_of(tree: SealTree) -> SignalEvent | None:
    """The event that tells why a generation was begun."""
    return SignalEvent.objects.filter(signal=SEALED, labels__origin=tree.origin).order_by("pk").first()


def check_succession(before: SealTree, after: SealTree, report: Report, known: int = 0) -> None:
    """A new generation begins where the old one ends, and with what was known of it, as an event tells."""
    number = after.generation
    if before.state != SealTree.State.CLOSED:
        report.find(GENERATION, f"Generation {before.generation} was followed by another and is not closed.")
    told = told_of(after)
    labels = (told.labels if told is not None else None) or {}
    follows = str(labels.get("follows", ""))
    previous = bytes(after.previous) if after.previous is not None else b""
    first = next(iter(tiles_of_level(after, 0, after.size, 0, 1)), None)
    if told is None:
        report.find(GENERATION, f"Generation {number} was begun, and no event tells who did so and why.")
    elif sha256(follows.encode()).digest() != previous:
        report.find(GENERATION, f"Generation {number} does not follow the checkpoint that event {told.pk} names.")
    elif generation_of(follows.partition("\n")[0]) + 1 != number:
        report.find(GENERATION, f"Generation {number} does not follow the one before it, as event {told.pk} tells.")
    else:
        report.notes.append(f"The log was rewound, and goes on as generation {number}, as event {told.pk} tells.")
        if lost := rewind_told(before, after, told, known):
            report.limits.append(lost)
    if first is None or first.leaves[:1] != [leaf_hash(previous)]:
        report.find(GENERATION, f"Generation {number} does not begin with what was known of the one before it.")
    between = SignalEvent.objects.filter(pk__gt=before.last_id, pk__lte=after.after_id).order_by("pk")
    if rows := Ranges.of(between.values_list("pk", flat=True)[:1000]):
        report.find(INSERTED, f"Events {rows} stand between two generations and belong to neither.", events=rows)
