"""What a new generation's event states of those before: their end, and which of their leaves have no row any more.

All other leaves have theirs, so that the old tree's root and these indexes say of every row whether it was left. What
is compared for ever after is just that: a row that goes later is named, and one that was altered is in neither list.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from copy import copy
from typing import Any, Final, NamedTuple

from signal_log.errors import ProofError
from signal_log.models import SealTree, SignalEvent
from signal_log.seal.merkle import HASH_BYTES, root_of
from signal_log.seal.ranges import Ranges, format_indexes, parse_indexes
from signal_log.seal.stored import node, trees
from signal_log.seal.tiles import WIDTH
from signal_log.seal.verify.allowed import read_allowed
from signal_log.seal.verify.anchors import Anchors
from signal_log.seal.verify.events import Seen, compare
from signal_log.seal.verify.rows import rows_between
from signal_log.seal.verify.tiles import tiles_of_level

SIZE: Final = "size"
ROOT: Final = "root"
LEFT: Final = "left"
LOST: Final = "lost"
AGAIN: Final = "again"

Leaves = Mapping[int, Ranges]
"""By generation."""


class Left(NamedTuple):
    """What the event of a new generation says of those before."""

    size: int
    """Of the tree of the one just before."""
    root: bytes
    """Its root, as its tiles give it; nothing, if they were damaged then."""
    left: int
    """How many of its leaves had their rows."""
    lost: Leaves
    """Those without a row, of every generation, but for what was pruned and what was told before."""
    again: Leaves
    """Those whose rows the new generation seals again."""

    @property
    def missing(self) -> int:
        """How many leaves have no row."""
        return sum(leaves.count for leaves in self.lost.values())

    def labels(self) -> dict[str, Any]:
        """As the event has it."""
        return {
            SIZE: self.size, ROOT: base64.b64encode(self.root).decode(), LEFT: self.left,
            LOST: format_indexes(self.lost), AGAIN: format_indexes(self.again),
        }  # fmt: skip


def read_left(labels: Mapping[str, Any]) -> Left:
    """What the labels of an event say; raises ``ProofError``."""
    size, left = labels.get(SIZE), labels.get(LEFT)
    try:
        root = base64.b64decode(str(labels.get(ROOT, "?")), validate=True)
    except (binascii.Error, ValueError):
        root = b"?"
    if type(size) is not int or type(left) is not int or len(root) not in (0, HASH_BYTES):
        raise ProofError("It does not say what was left.")
    return Left(size, root, left, parse_indexes(str(labels.get(LOST, ""))), parse_indexes(str(labels.get(AGAIN, ""))))


def what_is_left(tree: SealTree, after_id: int, told_before: Leaves) -> Left:
    """Compare all rows with their leaves, those of the newest generation up to an id; ``told_before`` are gone."""
    before = list(trees())
    pruned = read_allowed(before).pruned
    seen = Seen()
    for one, following in zip(before, [*before[1:], None], strict=True):
        counted = copy(one)
        counted.last_id = min(one.last_id, following.after_id if following else after_id)
        compare(counted, seen, Anchors(), progress=lambda added, at: None)
    gone = {number: leaves.without(pruned.get(number, Ranges())) for number, leaves in seen.gone.items()}
    again = _given_above(tree, gone.get(tree.generation, Ranges()), after_id)
    first = 1 if tree.previous is not None else 0
    lost = {number: leaves.without(told_before.get(number, Ranges())) for number, leaves in gone.items()}
    if again:
        lost[tree.generation] = lost[tree.generation].without(again)
    there = SignalEvent.objects.filter(pk__gt=tree.after_id, pk__lte=after_id).count()
    left = min(tree.size - first - seen.gone.get(tree.generation, Ranges()).count, there)  # a damaged tile loses none
    return Left(tree.size, _root(tree), left, lost, {tree.generation: again})


def _given_above(tree: SealTree, leaves: Ranges, above: int) -> Ranges:
    """Which of these leaves the rows above an id give."""
    there = {row.leaf for page in rows_between(above, tree.last_id) for row in page}
    again = Ranges()
    if not there or not leaves:
        return again
    begin = next(iter(leaves))[0]
    for tile in tiles_of_level(tree, 0, tree.size, begin // WIDTH, -(-tree.size // WIDTH)):
        for index, leaf in enumerate(tile.leaves, tile.index * WIDTH):
            if leaf in there and index in leaves:
                again.add(index)
    return again


def _root(tree: SealTree) -> bytes:
    try:
        return root_of(tree.size, node(tree))
    except ValueError:
        return b""
