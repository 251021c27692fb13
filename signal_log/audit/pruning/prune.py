"""Removes events that are older than they are kept: only sealed ones, and never without an event that names them.

The tree stays, so what was proved before still is, and a proof of a pruned event can be made of its archive. A batch is
one transaction; the archive's file is on disk before the first of its events goes. So an interrupted run loses nothing,
and goes on when it is run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.db import connections, transaction
from django.db.models import Exists, OuterRef

from signal_log import clock
from signal_log.audit import hold
from signal_log.audit.breaks import found_breaks
from signal_log.audit.pruning.emptied import drop, emptied
from signal_log.audit.pruning.prunable import Leaf, Prunable, Staying
from signal_log.audit.pruning.retention import KEPT, Retention
from signal_log.audit.pruning.whole import Batch, TooMuchStaysError, Whole, Wholes
from signal_log.audit.rights import must_be_able_to_change_log
from signal_log.audit.this_database import place
from signal_log.capture.model.unlogged import unlogged
from signal_log.conf import conf
from signal_log.errors import PartitionError, RedactionError
from signal_log.maintenance import maintenance
from signal_log.models import ReceiverCall, SealTile, SealTree, SignalTrace
from signal_log.seal import archive, archive_writing
from signal_log.seal.canonical import timestamp
from signal_log.seal.ranges import Ranges, format_indexes
from signal_log.seal.stored import hashes_of, sealed_size, trees
from signal_log.seal.tiles import WIDTH
from signal_log.store.read import as_mapping, events
from signal_log.store.span import span_of

if TYPE_CHECKING:
    from signal_log.seal.iceberg.holding import Holding

COMMAND: Final = "signal_prune"
TILES_A_FILE: Final = 16
"""So many tiles are read together, and are one file of an archive: 4,096 events."""
ROWS_A_BATCH: Final = 1_024
"""So many rows go in one transaction: on SQLite others wait for it."""
FEW: Final = 500


@dataclass
class Pruned(Staying):
    """What a run has done."""

    events: int = 0
    first: int = 0
    last: int = 0
    partitions: int = 0
    """Of how many partitions everything went, but for what stays."""
    emptied: int = 0
    """How many partitions were dropped that earlier runs had emptied row by row."""
    undropped: dict[str, str] = field(default_factory=dict)
    """The partitions that could not be dropped, and why."""
    files: int = 0


class OvertakenError(RedactionError):
    """Another prune has removed some of these events meanwhile; nothing was done."""


Progress = Callable[[int, int], object]


def _quiet(_: int, __: int) -> None:
    pass


def prune(
    retention: Retention, *, why: str, folder: Path | None = None, holding: Holding | None = None,
    progress: Progress = _quiet,
) -> Pruned:  # fmt: skip
    """Remove what is sealed and not kept any longer; raises ``RedactionError`` where the log must not be changed.

    It is written into a folder first, or only what an archive is ``holding`` goes.
    """
    run = Run(retention, why=why, folder=folder, holding=holding, progress=progress)
    for _ in run.steps():
        pass
    return run.done


class Run:
    """One run, which can stop after each batch."""

    def __init__(
        self, retention: Retention, *, why: str, folder: Path | None = None, holding: Holding | None = None,
        progress: Progress = _quiet,
    ) -> None:  # fmt: skip
        self.retention = retention
        self.why = why
        self.folder = folder
        self.holding = holding
        self.progress = progress
        self.done = Pruned()
        self.prunable = Prunable(retention, holding, self.done)
        self.connection = connections[conf.DATABASE]
        self.wholes = Wholes(self.connection, 0)

    def steps(self) -> Iterator[None]:
        """Do it, batch by batch."""
        latest = self.retention.latest
        if latest is None:
            return
        must_be_able_to_change_log()
        high = span_of(None, latest, scan=True).high
        newest = events().order_by("-pk").values_list("pk", flat=True).first() or 0
        reached = 0
        settled = max((tree.last_id for tree in trees()), default=0)
        self.wholes = Wholes(self.connection, min(high, settled, newest - 1))
        for tree in trees():
            size = sealed_size(tree)
            for tiles in _groups(tree, size, high):
                reached = max(reached, *(tile.last_id or 0 for tile in tiles))
                self.wholes.about_to_look()
                found = self.prunable.below(tree, tiles, size, newest)
                if found:
                    yield from self._gone(tree, tiles, size, found)
                yield from self._dropped(reached)
                self.progress(min(reached, high), high)
        yield from self._dropped(newest)
        yield from self._emptied(latest, min(settled, newest - 1))
        left = events().filter(pk__gt=reached, pk__lte=high, occurred_at__lt=latest).exclude(signal__in=KEPT)
        self.done.unsealed = left.count()

    def _gone(self, tree: SealTree, tiles: Sequence[SealTile], size: int, found: list[Leaf]) -> Iterator[None]:
        """Archive these events, and remove them."""
        labels: dict[str, str] = {}
        if self.folder is not None:
            written = _archived(self.folder, tree, [tile for tile in tiles if tile.index * WIDTH < size], size, found)
            labels |= {"archive": str(self.folder / written.name), "database": place(self.connection), **written.hashes}
            self.done.files += 1
        elif self.holding is not None:
            named = self.holding.name(tree.generation, found[0].at)
            labels |= {"archive": named, "database": place(self.connection)}
        one_by_one = []
        for whole, rows in self.wholes.split(Ranges.of(leaf.event.pk for leaf in found)):
            these = [leaf for leaf in found if leaf.event.pk in rows]
            if whole is None:
                one_by_one = these
            else:
                whole.add(Batch(tree, rows, Ranges.of(leaf.at for leaf in these), labels))
        for at in range(0, len(one_by_one), ROWS_A_BATCH):
            self._remove(tree, one_by_one[at : at + ROWS_A_BATCH], labels)
            yield

    def _dropped(self, reached: int) -> Iterator[None]:
        """Drop the partitions of which all has been looked through, or remove their events row by row."""
        for whole in self.wholes.complete(reached):
            if not self._drop(whole):
                for batch in whole.batches:
                    pks = [pk for first, last in batch.rows for pk in range(first, last + 1)]
                    ats = [at for first, last in batch.leaves for at in range(first, last + 1)]
                    for at in range(0, len(pks), ROWS_A_BATCH):
                        part = dict(zip(pks[at : at + ROWS_A_BATCH], ats[at : at + ROWS_A_BATCH], strict=True))
                        rows = events().filter(pk__in=part).order_by("pk")
                        self._remove(batch.tree, [Leaf(part[row.pk], row) for row in rows], batch.labels, len(part))
                        yield
            yield

    def _drop(self, whole: Whole) -> bool:
        """Drop a partition in one transaction, which begins with the events that name its rows; whether it could."""
        try:
            with transaction.atomic(using=self.connection.alias), unlogged(self.connection):
                hold.current_until_commit()
                staying = self.wholes.staying(whole)
                for batch in whole.batches:
                    rows = _named(batch.tree, batch.rows, batch.leaves, batch.labels)
                    with maintenance(self.connection, COMMAND, why=self.why, rows=rows):
                        pass
                self.wholes.drop(whole, staying)
                found_breaks.forget(whole.last)
        except TooMuchStaysError:
            return False
        except PartitionError as error:
            self.done.undropped[whole.partition.name] = str(error)
            return False
        self.wholes.own += len(whole.batches)
        self.done.partitions += 1
        self._count(whole.number, whole.first, whole.last)
        return True

    def _emptied(self, latest: datetime, below: int) -> Iterator[None]:
        """Drop what earlier runs have emptied; whoever kept this run from dropping one is not waited for once more."""
        for one in emptied(self.connection, latest, below) if not self.done.undropped else ():
            try:
                drop(self.connection, one)
            except PartitionError as error:
                self.done.undropped[one.name] = str(error)
                return
            self.done.emptied += 1
            yield

    def _count(self, number: int, first: int, last: int) -> None:
        self.done.events += number
        self.done.first = min(self.done.first or first, first)
        self.done.last = max(self.done.last, last)

    def _remove(self, tree: SealTree, leaves: Sequence[Leaf], labels: dict[str, str], wanted: int = 0) -> None:
        """Remove these events in one transaction, which begins with the event that names them."""
        keys = [leaf.event.pk for leaf in leaves]
        if wanted and len(keys) != wanted:
            raise OvertakenError("Another prune is at work; nothing was removed twice.")
        rows = _named(tree, Ranges.of(keys), Ranges.of(leaf.at for leaf in leaves), labels)
        with maintenance(self.connection, COMMAND, why=self.why, rows=rows), unlogged(self.connection):
            holds = hold.current_until_commit()
            for held in holds.among([leaf.event for leaf in leaves]).values():
                raise RedactionError(f"Meanwhile {hold.shown(held)} came into force; run it again.")
            if sum(_chunked(keys, _locked)) != len(keys):
                raise OvertakenError("Another prune is at work; nothing was removed twice.")
            _chunked(keys, lambda part: events().filter(pk__in=part)._raw_delete(conf.DATABASE))
            _chunked(list({leaf.event.trace_id for leaf in leaves}), _forget_traces)
            found_breaks.forget(max(keys))
        self.wholes.own += 1
        self._count(len(keys), keys[0], keys[-1])


def _archived(
    folder: Path, tree: SealTree, tiles: Sequence[SealTile], size: int, found: Sequence[Leaf]
) -> archive.Manifest:
    """Write events with the leaves around them, from where a tile begins to where one ends."""
    there = {leaf.at: leaf.event for leaf in found}
    first, last = min(there) // WIDTH, max(there) // WIDTH
    lines = []
    for tile in tiles:
        if first <= tile.index <= last:
            for at, hashed in enumerate(hashes_of(tile.hashes), tile.index * WIDTH):
                if at in there:
                    lines.append(archive.line_of(at, there[at].pk, as_mapping(there[at])))
                elif at < size:
                    lines.append(archive.Line(at, hashed))
    try:
        return archive_writing.write(folder, tree.origin, tree.generation, lines, timestamp(clock.now()))
    except OSError as error:
        raise RedactionError(f"The archive {folder} could not be written: {error.strerror}.") from error


def _named(tree: SealTree, rows: Ranges, leaves: Ranges, labels: dict[str, str]) -> dict[str, str]:
    """How the event of a prune names what it removes."""
    return {"events": str(rows), "indexes": format_indexes({tree.generation: leaves}), **labels}


def _groups(tree: SealTree, size: int, high: int) -> Iterator[list[SealTile]]:
    """The sealed tiles that may have rows up to an id, some at a time, at the same places each time."""
    after = -1
    while True:
        found = SealTile.objects.using(conf.DATABASE).filter(
            tree=tree, level=0, index__gt=after, index__lt=-(-size // WIDTH), first_id__lte=high
        )
        tiles = list(found.filter(index__lt=(after + 1 + TILES_A_FILE)).order_by("index"))
        if not tiles:
            return
        yield tiles
        after += TILES_A_FILE


def _locked(keys: Sequence[Any]) -> int:
    """How many of these events are still there, for this transaction alone to remove."""
    return len(events().filter(pk__in=keys).select_for_update().values_list("pk", flat=True))


def _forget_traces(traces: Sequence[Any]) -> None:
    """Remove the telemetry of traces that have no event any more."""
    left = events().filter(trace_id=OuterRef("trace_id"))
    for model in (ReceiverCall, SignalTrace):
        gone = model._default_manager.using(conf.DATABASE).filter(~Exists(left), trace_id__in=traces)
        gone._raw_delete(conf.DATABASE)


def _chunked(keys: Sequence[Any], do: Callable[[Sequence[Any]], Any]) -> list[Any]:
    return [do(keys[at : at + FEW]) for at in range(0, len(keys), FEW)]
