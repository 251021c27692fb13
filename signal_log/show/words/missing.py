"""Why the log has no event of a number: never used, pruned, or sealed and gone, which the tree knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from signal_log.errors import ProofError
from signal_log.event import MAINTENANCE
from signal_log.models import SealTile, SignalEvent
from signal_log.seal.merkle import leaf_hash
from signal_log.seal.ranges import Ranges, parse_ranges
from signal_log.seal.stored import current_tree, hashes_of, trees
from signal_log.seal.tiles import WIDTH
from signal_log.show.words.moments import zone
from signal_log.show.words.text import one_line, visible
from signal_log.store.read import events

PRUNE: Final = "command:signal_prune"


class Missing(NamedTuple):
    """A title and a sentence."""

    title: str
    reason: str
    is_archived: bool = False
    """Whether the archive should have it."""
    is_lost: bool = False
    """Whether nobody knows why it is not there."""


def missing(number: int | None, typed: str) -> Missing:
    """What is said of an event that the table does not have."""
    shown = visible(typed[:40])
    if number is None:
        return Missing("Event not found", f"“{shown}” is no number of an event.")
    pruned = dict(_prunes())
    by = next((events().get(pk=pk) for pk, named in pruned.items() if number in named), None)
    if by is not None:
        day = by.occurred_at.astimezone()
        kept = (by.labels or {}).get("archive")
        where = f" It is in the archive {one_line(str(kept), 200)}." if kept else ""
        reason = f"Event {number} was pruned on {day:%Y-%m-%d %H:%M} {zone()} by event {by.pk}.{where}"
        return Missing("Event was pruned", reason, bool(kept))
    tree = current_tree()
    if tree is None or number > tree.last_id:
        return Missing("Event not found", f"The log has no event {number}, and none of that number was sealed.")
    if not (place := _place(number, pruned.values())):
        return Missing(
            "Event not found",
            f"The log has no event {number}. It was never sealed under that number: most likely what would have been "
            "this event was rolled back.",
        )
    return Missing(
        "A sealed event is missing",
        f"Event {number} was sealed {place}, and is gone from the table, though no event of the log says that it was "
        "pruned. Run manage.py signal_verify.",
        is_lost=True,
    )


def _prunes() -> Iterator[tuple[int, Ranges]]:
    """The events of prunes, and which events each names."""
    told = events().filter(sender=SignalEvent._meta.label, object_pk="", signal=MAINTENANCE, source=PRUNE)
    for pk, labels in told.values_list("pk", "labels").iterator():
        try:
            yield pk, Ranges(parse_ranges(str((labels or {}).get("events", ""))))
        except ProofError:
            continue  # which verification tells


def _place(number: int, pruned: Iterable[Ranges]) -> str:
    """Where the tree has a leaf that no row of the table gives, at this number; empty if it has none.

    Leaves tell no ids, so the nearest rows on both sides are found in the tile, and what lies between them is counted.
    """
    tree = trees().filter(after_id__lt=number).last()
    tile = SealTile.objects.filter(tree=tree, level=0, first_id__lte=number, last_id__gte=number).first()
    if tree is None or tile is None or tile.first_id is None or tile.last_id is None:
        return ""
    hashes = hashes_of(tile.hashes)
    first = 1 if tile.index == 0 and tree.previous else 0
    below, above = (tile.first_id - 1, first - 1), (tile.last_id + 1, len(hashes))
    rows = events().filter(pk__gte=tile.first_id, pk__lte=tile.last_id).order_by("pk").values_list("pk", "digest")
    for pk, digest in rows:
        leaf = leaf_hash(bytes(digest))
        if leaf not in hashes:
            continue  # altered, so it tells no place
        if pk < number:
            below = pk, hashes.index(leaf)
        else:
            above = pk, hashes.index(leaf)
            break
    leaves, numbers = above[1] - below[1] - 1, above[0] - below[0] - 1
    if leaves <= sum(at in named for named in pruned for at in range(below[0] + 1, above[0])):
        return ""
    low, high = (tile.index * WIDTH + at for at in (below[1] + 1, above[1] - 1))
    if leaves == numbers:
        low = high = low + number - below[0] - 1
    if leaves == numbers:
        return f"at index {low:,}"
    return f"between the indexes {low - 1:,} and {high + 1:,}, or a neighbour of it was"
