"""Checks how a log that was rewound goes on: each new generation as key and log tell, and no other way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from hashlib import sha256

from signal_log.errors import ProofError
from signal_log.event import COMMITTED
from signal_log.models import SealCheckpoint, SealTree, SignalEvent
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.merkle import leaf_hash
from signal_log.seal.note import VerifierKey, read_note, signed_by
from signal_log.seal.ranges import Ranges
from signal_log.seal.remembered import generation_of
from signal_log.seal.signing import signing_key
from signal_log.seal.stored import place_of
from signal_log.seal.tiles import WIDTH
from signal_log.seal.verify.findings import GENERATION, INSERTED, TREE, Report
from signal_log.seal.verify.held import Held
from signal_log.seal.verify.retired import SEALED, Keys, Retired
from signal_log.seal.verify.rows import row_of, rows_between
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


def follows_of(before: SealTree, after: SealTree) -> list[Held]:
    """The checkpoint that a generation's first leaf stands for, to be compared with the tree before it."""
    text = str(_labels_of(told_of(after)).get("follows", ""))
    if after.previous is None or sha256(text.encode()).digest() != bytes(after.previous):
        return []
    try:
        followed = read_checkpoint(text)
    except ProofError:
        return []
    is_there = followed.origin == before.origin and followed.size <= before.size
    return [Held(f"Whoever began generation {after.generation}", followed)] if is_there else []


def as_far_as_it_counts(tree: SealTree, trees: Sequence[SealTree], begun: set[int], report: Report) -> SealTree:
    """A generation up to the last row that the next one does not seal again, if that was begun as it has to be.

    What was sealed above that row and is not there any more is named: a new generation allows that, and hides nothing.
    """
    following = next((one for one in trees if one.generation > tree.generation), None)
    if following is None or following.after_id >= tree.last_id or following.generation not in begun:
        return tree
    counted = copy(tree)
    counted.size = _size_left(tree, following)
    counted.last_id = following.after_id
    if dropped := _dropped(tree, counted.size, following.after_id):
        one = dropped.count == 1
        report.notes.append(
            f"The log was rewound: what was sealed at {'the index' if one else 'the indexes'} {dropped} of generation "
            f"{tree.generation}, {'1 event' if one else f'{dropped.count:,} events'}, is missing or is another now."
        )
    return counted


def _size_left(tree: SealTree, following: SealTree) -> int:
    """How many leaves of a generation still have their rows, now that another follows."""
    if following.after_id >= tree.last_id:
        return tree.size
    last = SignalEvent.objects.filter(pk__gt=tree.after_id, pk__lte=following.after_id).order_by("-pk").first()
    place = place_of(last) if last is not None else None
    return place.leaf + 1 if place is not None and place.tree.pk == tree.pk else 0


def _dropped(tree: SealTree, size: int, above: int) -> Ranges:
    """Leaves from a size on that no row above an id gives."""
    there = {row.leaf for page in rows_between(above, tree.last_id) for row in page}
    dropped = Ranges()
    begin = max(size, 1 if tree.previous is not None else 0)
    for tile in tiles_of_level(tree, 0, tree.size, size // WIDTH, -(-tree.size // WIDTH)):
        for index, leaf in enumerate(tile.leaves, tile.index * WIDTH):
            if index >= begin and leaf not in there:
                dropped.add(index)
    return dropped


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
    told = told_of(after)
    follows = str(_labels_of(told).get("follows", ""))
    followed = _checkpoint(follows)
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
            report.limits.append(lost)
        _compare_last_signed(before, after, followed, report)
        if _labels_of(told).get("after") != after.after_id:
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
    elif first is not None and (first.after_id or first.previous is not None):
        report.find(TREE, "The tree's row does not say that the first generation begins with the first event.")


def check_growing(trees: Sequence[SealTree], report: Report) -> None:
    """The newest generation grows, or says why it does not."""
    newest = trees[-1] if trees else None
    if newest is None or newest.state == SealTree.State.GROWING:
        return
    if newest.state == SealTree.State.STOPPED and newest.problem:
        report.limits.append(f"Sealing has stopped. {newest.problem}")
        return
    report.find(
        TREE,
        f"Sealing was turned off: generation {newest.generation} is {newest.state} and "
        f"{'gives no reason' if newest.state == SealTree.State.STOPPED else 'no other follows it'}.",
    )


def rewind_told(before: SealTree, after: SealTree, told: SignalEvent, known: int = 0) -> str:
    """That sealed events are missing since a rewind, and who acknowledged it; empty if none are.

    They are counted in the checkpoint that is followed; ``known`` is the size of the largest of the generation before
    that anybody still has. How many the event says is not believed.
    """
    labels = _labels_of(told)
    followed = _checkpoint(str(labels.get("follows", "")))
    if followed is not None and followed.origin != before.origin:
        return f"All that was sealed of {followed.origin} is missing, as event {told.pk} tells."
    missing = max(before.size, followed.size if followed else 0, known) - _size_left(before, after)
    if missing <= 0:
        return ""
    who = told.actor_repr or told.actor_pk or told.source or "somebody unknown"
    are = "sealed event is" if missing == 1 else "sealed events are"
    return (
        f"{missing:,} {are} missing since the log was rewound, acknowledged by {who} on "
        f"{told.occurred_at:%Y-%m-%d} (event {told.pk}): {labels.get('reason') or 'no reason was given'}"
    )


def _compare_last_signed(before: SealTree, after: SealTree, followed: Checkpoint, report: Report) -> None:
    signed = SealCheckpoint.objects.filter(tree=before).exclude(note="").order_by("-size").first()
    if followed.origin == before.origin and signed is not None and signed.size > followed.size:
        report.find(
            GENERATION,
            f"Generation {after.generation} follows a checkpoint of {followed.size:,} events, and one of "
            f"{signed.size:,} had been signed.",
        )


def told_of(tree: SealTree) -> SignalEvent | None:
    """The event that tells of a generation's beginning: as it was written, and sealed where its place is."""
    events = SignalEvent.objects.filter(signal=SEALED, outcome=COMMITTED, labels__origin=tree.origin).order_by("pk")
    for event in events[:10]:
        row = row_of(event.pk)
        if row is not None and row.leaf == row.stored and (event.pk > tree.last_id or place_of(event) is not None):
            return event
    return None


def _checkpoint(text: str) -> Checkpoint | None:
    try:
        return read_checkpoint(text)
    except ProofError:
        return None


def _labels_of(event: SignalEvent | None) -> dict[str, object]:
    return (event.labels or {}) if event is not None else {}
