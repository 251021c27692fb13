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
    last = SignalEvent.objects.filter(pk__gt=tree.after_id, pk__lte=following.after_id).order_by("-pk").first()
    place = place_of(last) if last is not None else None
    counted = copy(tree)
    counted.size = place.leaf + 1 if place is not None and place.tree.pk == tree.pk else 0
    counted.last_id = following.after_id
    report.notes.append(
        f"The last {tree.size - counted.size:,} leaves of generation {tree.generation} have no rows any more: the log "
        "was rewound before them."
    )
    return counted


def check_succession(before: SealTree, after: SealTree, report: Report) -> None:
    """A new generation begins where the old one ends, and with what was known of it, as an event tells."""
    number = after.generation
    if before.state != SealTree.State.CLOSED:
        report.find(GENERATION, f"Generation {before.generation} was followed by another and is not closed.")
    told = SignalEvent.objects.filter(signal=SEALED, labels__origin=after.origin).order_by("pk").first()
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
        missing = labels.get("missing")
        lost = f"; {missing:,} sealed events before it are missing" if isinstance(missing, int) and missing else ""
        report.notes.append(f"The log was rewound, and goes on as generation {number}, as event {told.pk} tells{lost}.")
    if first is None or first.leaves[:1] != [leaf_hash(previous)]:
        report.find(GENERATION, f"Generation {number} does not begin with what was known of the one before it.")
    between = SignalEvent.objects.filter(pk__gt=before.last_id, pk__lte=after.after_id).order_by("pk")
    if rows := Ranges.of(between.values_list("pk", flat=True)[:1000]):
        report.find(INSERTED, f"Events {rows} stand between two generations and belong to neither.", events=rows)
