"""Which events a prune may remove: old ones that are as they were sealed, with all of their operation, and no hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from signal_log.audit import hold
from signal_log.audit.pruning.retention import KEPT, Retention
from signal_log.models import SealTile, SealTree, SignalEvent
from signal_log.seal.canonical import row_holds
from signal_log.seal.merkle import leaf_hash
from signal_log.seal.ranges import Ranges
from signal_log.seal.stored import hashes_of, place_of, sealed_size
from signal_log.seal.tiles import WIDTH
from signal_log.store.read import events

if TYPE_CHECKING:
    from signal_log.seal.iceberg.holding import Holding

_COLUMNS: Final = tuple(one.attname for one in SignalEvent._meta.concrete_fields)


class Leaf(NamedTuple):
    """An event that may go, and its place."""

    at: int
    event: SignalEvent


@dataclass
class Staying:
    """What is old enough, and stays nevertheless."""

    held: Counter[str] = field(default_factory=Counter)
    """How many events each hold keeps."""
    tampered: Ranges = field(default_factory=Ranges)
    """Rows that do not give their digest, or that the tree does not have: they stay, as evidence."""
    unsealed: int = 0
    """Events that are old enough, and not sealed yet."""
    unarchived: int = 0
    """Events that would go, if the archive had them as they are."""


class Prunable:
    """Finds the events that may go, and counts in ``staying`` those that may not."""

    def __init__(self, retention: Retention, holding: Holding | None, staying: Staying) -> None:
        self._retention = retention
        self._holding = holding
        self._staying = staying

    def below(self, tree: SealTree, tiles: Sequence[SealTile], size: int, newest: int) -> list[Leaf]:
        """The events below some tiles that may go."""
        places = {}
        for tile in tiles:
            for within, hashed in enumerate(hashes_of(tile.hashes)):
                places[hashed] = tile.index * WIDTH + within
        ids = [pk for tile in tiles for pk in (tile.first_id, tile.last_id) if pk]
        if not ids or self._retention.latest is None:
            return []
        rows = events().filter(pk__gte=min(ids), pk__lte=max(ids), occurred_at__lt=self._retention.latest)
        rows = rows.exclude(signal__in=KEPT).exclude(pk=newest).order_by("pk")
        old = [row for row in rows if self._is_old(row)]
        held = hold.current().among(old)
        self._staying.held.update(hold.shown(one) for one in held.values())
        found = []
        for row in old:
            if row.pk in held:
                continue
            index = places.get(leaf_hash(bytes(row.digest)))
            if index is not None and index >= size:
                continue  # in the tree, and in no signed checkpoint yet
            if index is None or not _holds(row):
                self._staying.tampered.add(row.pk)
                continue
            if not self._is_archived(tree, index, row):
                self._staying.unarchived += 1
                continue
            found.append(Leaf(index, row))
        kept = self._kept_by_others(found, newest, (min(ids), max(ids)))
        return [leaf for leaf in found if hold.operation_of(leaf.event) not in kept]

    def _is_old(self, row: SignalEvent) -> bool:
        kept_from = self._retention.kept_from(row.sender)
        return kept_from is not None and row.occurred_at < kept_from

    def _kept_by_others(self, leaves: Sequence[Leaf], newest: int, within: tuple[int, int]) -> set[hold.Operation]:
        """The operations of which another event stays: what belongs together goes together."""
        going = {leaf.event.pk for leaf in leaves}
        operations = {hold.operation_of(leaf.event) for leaf in leaves}
        kept = set()
        for rows in hold.same_operations([leaf.event for leaf in leaves]):
            for row in rows:
                if row.pk in going or (operation := hold.operation_of(row)) not in operations:
                    continue
                is_near = within[0] <= row.pk <= within[1]  # and would be going, if it could
                if is_near or not self._goes_elsewhere(row, newest):
                    kept.add(operation)
        return kept

    def _goes_elsewhere(self, row: SignalEvent, newest: int) -> bool:
        """Whether an event below other tiles goes as well, in its turn."""
        place = place_of(row)
        is_sealed = place is not None and place.leaf < sealed_size(place.tree)
        goes = is_sealed and row.pk != newest and row.signal not in KEPT and self._is_old(row) and _holds(row)
        return goes and place is not None and self._is_archived(place.tree, place.leaf, row)

    def _is_archived(self, tree: SealTree, index: int, row: SignalEvent) -> bool:
        """Whether an event may go as far as the archive is concerned, if it is one that has to have it already."""
        return self._holding is None or self._holding.has(tree.generation, index, row)


def _holds(row: SignalEvent) -> bool:
    values = {name: getattr(row, name) for name in _COLUMNS}
    kept = bytes(row.kept_hashes) if row.kept_hashes else None
    return row_holds(values, bytes(row.salt), kept, bytes(row.digest))
