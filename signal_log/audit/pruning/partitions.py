"""What is known of each partition: how large it is, and whether all of it is sealed, held, or could be dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connections

from signal_log.audit import hold
from signal_log.audit.holds_in_force import in_force
from signal_log.audit.pruning.emptied import is_emptied
from signal_log.audit.pruning.retention import KEPT, Retention, configured
from signal_log.audit.pruning.whole import ONE_IN
from signal_log.conf import conf
from signal_log.models import SealTile
from signal_log.seal.stored import sealed_size, trees
from signal_log.seal.tiles import WIDTH
from signal_log.store.partitions.layout import Layout, Partition, layout
from signal_log.store.read import events

FEW: Final = 10_000
"""Up to this number the events of a partition are counted, not estimated."""


@dataclass(frozen=True, slots=True)
class Described:
    """One partition, in words that a person needs."""

    name: str
    first: int | None
    """The first id that it may have; None for the default partition."""
    last: int | None
    rows: int
    """Counted if they are few, else as the database estimates it."""
    bytes: int
    """With its indexes."""
    sealed: bool
    """Whether it has events, and all of them are in a checkpoint."""
    held: int
    """How many of its events a legal hold keeps."""
    droppable: bool
    """Whether the next prune may drop it: all of it is sealed and older than it is kept, nearly all may go or went."""

    def as_json(self) -> dict[str, object]:
        """For scripts."""
        return {
            "name": self.name, "from": self.first, "to": self.last, "rows": self.rows, "bytes": self.bytes,
            "sealed": self.sealed, "held": self.held, "droppable": self.droppable,
        }  # fmt: skip


def described() -> list[Described]:
    """All partitions, the lowest first, the default one last; empty where the log has none."""
    parts = layout(connections[conf.DATABASE])
    if parts is None:
        return []
    retention, sealed = configured(), sealed_up_to()
    all_of_them = [*parts.ranges, *([parts.default] if parts.default else [])]
    return [_described(parts, one, retention, sealed) for one in all_of_them]


def sealed_up_to() -> int:
    """The id up to which events are in a checkpoint; 0 if there is none."""
    found = 0
    for tree in trees():
        size = sealed_size(tree)
        tiles = SealTile.objects.using(conf.DATABASE).filter(tree=tree, level=0, index__lt=size // WIDTH)
        whole = tiles.order_by("-index").values_list("last_id", flat=True).first() or 0
        found = max(found, (tree.last_id or 0) if size == tree.size else whole)
    return found


def _described(parts: Layout, one: Partition, retention: Retention, sealed: int) -> Described:
    size, number = _sizes(parts, one)
    if one.is_default:
        return Described(one.name, None, None, number, size, sealed=False, held=0, droppable=False)
    inside = events().filter(pk__gte=one.low, pk__lt=one.high).order_by()
    newest = events().order_by("-pk").values_list("pk", flat=True).first() or 0
    is_sealed = number > 0 and (one.high - 1 <= sealed or not inside.filter(pk__gt=sealed).exists())
    held = sum(inside.filter(hold.events_held(each)).count() for each in in_force() if each.is_readable)
    latest = retention.latest
    droppable = (
        latest is not None
        and not one.is_kept
        and one.high - 1 <= min(sealed, newest - 1)
        and not inside.filter(occurred_at__gte=latest).exists()
        and ((held + inside.filter(signal__in=KEPT).count()) * ONE_IN <= number or is_emptied(one, latest))
    )
    return Described(one.name, one.low, one.high - 1, number, size, is_sealed, held, droppable)


def _sizes(parts: Layout, one: Partition) -> tuple[int, int]:
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(
            f"SELECT pg_total_relation_size(%s::oid), count(*) FROM (SELECT FROM {parts.rows_of(one)} LIMIT %s) AS few",  # noqa: S608
            [one.oid, FEW],
        )
        size, number = cursor.fetchone()
    return size or 0, number if number < FEW else max(one.rows, FEW)
