"""Checks how a log that was rewound goes on: each new generation as key and log tell, and no other way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from hashlib import sha256

from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTree, SignalEvent
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.keys.remembered import generation_of, log_of
from signal_log.seal.keys.signing import signing_key
from signal_log.seal.merkle import leaf_hash
from signal_log.seal.note import VerifierKey, read_note, signed_by
from signal_log.seal.ranges import Ranges
from signal_log.seal.verify.acknowledged import (
    checkpoint_of,
    labels_of,
    left_told,
    rewind_told,
    tell_left,
    tellers,
    told_of,
)
from signal_log.seal.verify.findings import GENERATION, INSERTED, TREE, Report
from signal_log.seal.verify.left import Left
from signal_log.seal.verify.retired import Keys, Retired
from signal_log.seal.verify.tiles import tiles_of_level

BegunByKey = Callable[[SealTree], bool | None]


def begun_by_key(keys: Keys, retired: Sequence[Retired] = ()) -> BegunByKey:
    """What tells whether the key that signs has begun a generation; None without any key, and for one that is gone.

    A signature of its tells, as it signs nothing of one that it has not begun; before the first, its memory.
    """

    def begun(tree: SealTree) -> bool | None:
        known = keys(tree.origin)
        notes = SealCheckpoint.objects.filter(tree=tree).exclude(note="").order_by("number")
        first = list(notes.values_list("note", flat=True)[:10])
        if any(_is_signed(note, tree.origin, known) for note in first):
            return True
        if any(_is_signed(note, tree.origin, [one.under(tree.origin) for one in retired]) for note in first):
            return None
        try:
            key = signing_key()
            last = key.last(tree.origin) if key else None
        except ProofError:
            last = None
        is_begun = last is not None and generation_of(last.checkpoint.origin) >= tree.generation
        return is_begun or (False if known else None)

    return begun


def _is_signed(note: str, origin: str, keys: Sequence[VerifierKey]) -> bool:
    try:
        read = read_note(note.encode())
        return read_checkpoint(read.text).origin == origin and bool(signed_by(read, keys))
    except ProofError:
        return False


def as_far_as_it_counts(tree: SealTree, trees: Sequence[SealTree], begun: set[int]) -> SealTree:
    """A generation without the rows that the next one seals, if that was begun as it has to be.

    All of its leaves are compared: those that may be without a row are what the next one's event names.
    """
    following = next((one for one in trees if one.generation > tree.generation), None)
    if following is None or following.after_id >= tree.last_id or following.generation not in begun:
        return tree
    counted = copy(tree)
    counted.last_id = following.after_id
    return counted


def check_succession(
    before: SealTree, after: SealTree, begun_by_key: BegunByKey, report: Report, known: int = 0
) -> bool:
    """A new generation begins where the old one ends, by the key's will, and with what was known, as an event tells.

    Whether it does, as far as somebody can tell.
    """
    number, found = after.generation, len(report.findings)
    if begun_by_key(after) is False:
        report.find(
            GENERATION,
            f"The log's key has not begun generation {number}: somebody has made it up who may write the database, or "
            "the key's memory was lost.",
        )
    if before.state != SealTree.State.CLOSED:
        report.find(GENERATION, f"Generation {before.generation} was followed by another and is not closed.")
    if log_of(after.origin) != log_of(before.origin) or generation_of(after.origin) != number:
        report.find(GENERATION, f"Generation {number} calls itself {after.origin}, which is not this log's name.")
    told = told_of(after)
    follows, followed, left = str(labels_of(told).get("follows", "")), checkpoint_of(told), left_told(told)
    previous = bytes(after.previous) if after.previous is not None else b""
    first = next(iter(tiles_of_level(after, 0, after.size, 0, 1)), None)
    if told is None:
        report.find(GENERATION, f"Generation {number} was begun, and no event tells who did so and why.")
    elif sha256(follows.encode()).digest() != previous:
        report.find(GENERATION, f"Generation {number} does not follow the checkpoint that event {told.pk} names.")
    elif generation_of(follows.partition("\n")[0]) + 1 != number or followed is None:
        report.find(GENERATION, f"Generation {number} does not follow the one before it, as event {told.pk} tells.")
    else:
        report.notes.append(f"The log was rewound, and goes on as generation {number}, as event {told.pk} tells.")
        if lost := rewind_told(before, after, told, known):
            report.acknowledged.append(lost)
        _compare_last_signed(before, after, followed, report)
        _check_told(before, after, told, left, report)
        if labels_of(told).get("after") != after.after_id:
            report.find(
                GENERATION,
                f"Generation {number} does not begin after the event that event {told.pk} names: who moved that could "
                "hide what was sealed before it.",
            )
    if first is None or first.leaves[:1] != [leaf_hash(previous)]:
        report.find(GENERATION, f"Generation {number} does not begin with what was known of the one before it.")
    between = SignalEvent.objects.filter(pk__gt=before.last_id, pk__lte=after.after_id).order_by("pk")
    if rows := Ranges.of(between.values_list("pk", flat=True)[:1000]):
        report.find(INSERTED, f"Events {rows} stand between two generations and belong to neither.", events=rows)
    return len(report.findings) == found


def check_first(trees: Sequence[SealTree], report: Report) -> None:
    """The oldest generation is the first, and begins with the first event: nothing lies before it."""
    first = trees[0] if trees else None
    if first is not None and first.generation != 1:
        report.find(GENERATION, f"Generation 1 is gone: the oldest that is there is {first.generation}.")
    elif first is not None and generation_of(first.origin) != 1:
        report.find(TREE, f"The first generation calls itself {first.origin}, which is no name of a first generation.")
    elif first is not None and (first.after_id or first.previous is not None):
        report.find(TREE, "The tree's row does not say that the first generation begins with the first event.")


def check_growing(trees: Sequence[SealTree], report: Report) -> None:
    """The newest generation grows, or says why it does not."""
    newest = trees[-1] if trees else None
    if newest is None or newest.state == SealTree.State.GROWING:
        return
    if newest.state == SealTree.State.STOPPED and newest.problem:
        report.unchecked.append(
            f"Sealing has stopped, as the database says, so that nothing newer is sealed: {newest.problem}"
        )
        return
    report.find(
        TREE,
        f"Sealing was turned off: generation {newest.generation} is {newest.state} and "
        f"{'gives no reason' if newest.state == SealTree.State.STOPPED else 'no other follows it'}.",
    )


def _check_told(before: SealTree, after: SealTree, told: SignalEvent, left: Left | None, report: Report) -> None:
    """One event tells what was left, of this very tree."""
    number = after.generation
    others = [one.pk for one in tellers(after) if labels_of(one) != labels_of(told)]
    if others:
        events = Ranges.of([told.pk, *others])
        report.find(
            GENERATION, f"The events {events} tell different things of how generation {number} began.", events=events
        )
    if left is None:
        report.find(GENERATION, f"Event {told.pk} does not say what was left when generation {number} began.")
    elif left.size != before.size:
        report.find(
            GENERATION,
            f"Generation {before.generation} had {left.size:,} leaves when the next began, as event {told.pk} tells, "
            f"and has {before.size:,} now.",
        )
    else:
        tell_left(told, report)
    if told.pk > after.last_id:
        report.limits.append(
            f"Event {told.pk}, which tells of generation {number}, is not sealed yet, so that nothing proves who wrote "
            "that. Seal it, and verify again."
        )


def _compare_last_signed(before: SealTree, after: SealTree, followed: Checkpoint, report: Report) -> None:
    signed = SealCheckpoint.objects.filter(tree=before).exclude(note="").order_by("-size").first()
    if followed.origin == before.origin and signed is not None and signed.size > followed.size:
        report.find(
            GENERATION,
            f"Generation {after.generation} follows a checkpoint of {followed.size:,} events, and one of "
            f"{signed.size:,} had been signed.",
        )
