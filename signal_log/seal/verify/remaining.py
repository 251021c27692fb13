"""Compares what is left of redacted events with what the event of each redaction says that it left, where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from django.db import DatabaseError

from signal_log.models import SealTree, SignalEvent
from signal_log.seal.canonical import stored_bytes
from signal_log.seal.merkle import leaf_hash
from signal_log.seal.ranges import Ranges
from signal_log.seal.redacted import stored
from signal_log.seal.remains import Left
from signal_log.seal.stored import Tiles
from signal_log.seal.tiles import WIDTH
from signal_log.seal.verify.allowed import Allowed, Redaction, read_allowed
from signal_log.seal.verify.findings import MODIFIED, REDACTED, Report
from signal_log.seal.verify.hashing import UNREADABLE

FEW: Final = 500


def compare_remains(trees: list[SealTree], numbers: Ranges, allowed: Allowed, report: Report, known: Ranges) -> None:
    """Compare rows of the table with what their newest redaction left; ``known`` ones have a finding already."""
    leaves = _Leaves(trees)
    left, altered, elsewhere = numbers, Ranges(), Ranges()
    for redaction in reversed(list(allowed.redactions)):
        if redaction.archive or not (rows := redaction.rows.common(left)):
            continue
        left, told = left.without(rows), redaction.left
        for event in _events(rows):
            try:
                if not leaves.named(told, event):
                    elsewhere.add(event.pk)
                elif event.redacted_at != redaction.at or not told.fits(event.pk, *stored(event)):
                    altered.add(event.pk)
            except UNREADABLE:
                altered.add(event.pk)
    if altered or elsewhere:
        known = Ranges([*known, *_redacted_since(trees, allowed)])
    if altered := altered.without(known):
        what = "1 redacted event is" if altered.count == 1 else f"{altered.count:,} redacted events are"
        report.find(MODIFIED, f"{what} not what the redaction left: {altered}.", events=altered)
    if elsewhere := elsewhere.without(known):
        what = "1 event has an id" if elsewhere.count == 1 else f"{elsewhere.count:,} events have ids"
        report.find(
            REDACTED, f"{what} with which a redaction names another leaf: ids were shifted. It redacts none of these: "
            f"{elsewhere}.", events=elsewhere,
        )  # fmt: skip


class _Leaves:
    """Compares events with the leaves that redactions name, which the tiles have."""

    def __init__(self, trees: list[SealTree]) -> None:
        self._trees = {tree.generation: (tree, Tiles(tree)) for tree in trees}

    def named(self, left: Left, event: SignalEvent) -> bool:
        """Whether the leaf that is named for an event's id is the event's own."""
        digest = stored_bytes(event.digest)
        if (place := left.leaves.leaf_of(event.pk)) is None:
            return left.leaves.digests.get(event.pk) == digest
        generation, index = place
        if generation not in self._trees:
            return False
        tree, tiles = self._trees[generation]
        tile = tiles.read(0, index // WIDTH)
        if index % WIDTH >= len(tile):
            return index < tree.size  # a tile that is damaged has been told
        return tile[index % WIDTH] == leaf_hash(digest)


def _redacted_since(trees: list[SealTree], allowed: Allowed) -> Ranges:
    """Rows that were redacted while this run looked at them."""
    before = len(allowed.redactions)
    read_allowed(trees, allowed)
    since: list[Redaction] = allowed.redactions[before:]
    return Ranges(pair for one in since for pair in one.rows)


def _events(rows: Ranges) -> Iterator[SignalEvent]:
    numbers = (number for first, last in rows for number in range(first, last + 1))
    while some := list(islice(numbers, FEW)):
        try:
            yield from list(SignalEvent.objects.filter(pk__in=some))
        except (*UNREADABLE, DatabaseError):
            yield from _readable(some)


def _readable(numbers: list[int]) -> Iterator[SignalEvent]:
    """Those that can be read; the others have a finding of their own."""
    for number in numbers:
        with suppress(*UNREADABLE, DatabaseError):
            yield from SignalEvent.objects.filter(pk=number)
