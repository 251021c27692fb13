"""Which rows may be redacted or gone: those that an event of the log itself names, as whoever did it had to write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.db.models import QuerySet

from signal_log.errors import ProofError
from signal_log.event import COMMITTED, MAINTENANCE, NEVER_PRUNED
from signal_log.models import SealTree, SignalEvent
from signal_log.seal.archive import FILE_HASH, MANIFEST_HASH
from signal_log.seal.canonical import stored_bytes
from signal_log.seal.named_leaves import INDEXES, NamedLeaves, leaves_by
from signal_log.seal.ranges import Ranges, parse_ranges
from signal_log.seal.remains import DONE, Left, left_by
from signal_log.seal.stored import Place, Places
from signal_log.seal.verify.anchors import Anchors
from signal_log.seal.verify.rows import row_of

REDACT: Final = "command:signal_redact"
PRUNE: Final = "command:signal_prune"
STRETCH: Final = 4_096
"""Leaves by which it is found what prunes name."""


class ImpossibleError(ProofError):
    """An event tells of what no command does."""


class Redaction(NamedTuple):
    """The event of one: which rows it names, in the table or in an archive."""

    number: int
    at: datetime
    """When it was, which is what its rows have in ``redacted_at``."""
    rows: Ranges
    archive: str
    """The manifest of the archive's file; empty for rows of the table."""

    @property
    def left(self) -> Left:
        """What it says that it left; read again, as it may be long."""
        return left_by(SignalEvent.objects.values_list("labels", flat=True).get(pk=self.number))


class Written(NamedTuple):
    """A file of an archive, as the event of a prune or a redaction tells of it."""

    number: int
    hashes: dict[str, str]
    """Of the file and of its manifest."""


@dataclass(slots=True)
class Archived:
    """What is told of the files of archives that have one name, in whatever folder."""

    written: dict[str, Written] = field(default_factory=dict)
    """The newest in each folder."""
    begun: set[int] = field(default_factory=set)
    """The events of redactions that were to change such a file."""
    ids: Ranges = field(default_factory=Ranges)
    """Of the events that prunes have put there."""


@dataclass(slots=True)
class Allowed:
    """What redactions and prunes name, and the events of them."""

    redacted: Ranges = field(default_factory=Ranges)
    """Rows of the table."""
    archived: Ranges = field(default_factory=Ranges)
    """Events in archives, which may have been redacted in the table before."""
    redactions: list[Redaction] = field(default_factory=list)
    """Oldest first."""
    done: Ranges = field(default_factory=Ranges)
    """The events of those redactions of archives that were done."""
    ids: Anchors = field(default_factory=Anchors)
    """Which ids belong to which leaves, as far as these events tell."""
    known: set[int] = field(default_factory=set)
    """The events that were read."""
    pruned: dict[int, Ranges] = field(default_factory=dict)
    prunes: dict[int, dict[int, Ranges]] = field(default_factory=dict)
    """What the event of each names, by its id."""
    acknowledged: dict[int, Ranges] = field(default_factory=dict)
    """Leaves without a row in their generation, as the beginning of a later one tells."""
    archives: dict[str, Archived] = field(default_factory=dict)
    """By the name of the manifest."""
    unarchived: dict[int, Ranges] = field(default_factory=dict)
    """What was pruned without an archive."""
    places: dict[tuple[int, int], list[NamedLeaves]] = field(default_factory=dict)
    """What prunes name, by generation and stretch of leaves."""
    unsealed: Ranges = field(default_factory=Ranges)
    """Those of the events that no tree has yet."""
    refused: list[str] = field(default_factory=list)
    """Why an event of one counts for nothing."""
    impossible: list[tuple[int, str]] = field(default_factory=list)
    """Events that tell of what no command does, which count for nothing either, and what that is."""

    def redacted_by(self, rows: Ranges) -> Ranges:
        """The events that name any of these rows."""
        return Ranges.of(one.number for one in self.redactions if one.rows.common(rows))

    def ids_of(self, generation: int, first: int, last: int) -> dict[int, int]:
        """The ids that prunes name for leaves from the first to the last, by index."""
        found: dict[int, int] = {}
        named = {id(one): one for at in range(first // STRETCH, last // STRETCH + 1)
                 for one in self.places.get((generation, at), ())}  # fmt: skip
        for one in named.values():
            for number, ids, indexes in one.by_generation():
                if number == generation:
                    found |= dict(zip(_numbers(indexes), _numbers(ids), strict=True))
        return found

    def prune(self, event: int, leaves: dict[int, Ranges]) -> None:
        """Accept what an event names as pruned."""
        self.prunes[event] = leaves
        for generation, ranges in leaves.items():
            self.pruned.setdefault(generation, Ranges()).update(ranges)

    def pruned_by(self, gone: dict[int, Ranges]) -> Ranges:
        """The events that name any of these leaves."""
        return Ranges.of(
            event
            for event, named in self.prunes.items()
            if any(leaves.common(gone.get(generation, Ranges())) for generation, leaves in named.items())
        )


def read_allowed(trees: list[SealTree], found: Allowed | None = None) -> Allowed:
    """Read every event of a redaction or a prune, or those that came since; one that was not done, or is not as it was
    sealed, allows nothing.
    """
    found = found or Allowed()
    sealed = max((tree.last_id for tree in trees), default=0)
    places, stay = Places(), Ranges.of(_logs_own().filter(signal__in=NEVER_PRUNED).values_list("pk", flat=True))
    events = _logs_own().filter(signal=MAINTENANCE, source__in=(REDACT, PRUNE)).order_by("pk")
    numbers = list(events.values_list("pk", flat=True))
    sizes = dict(SealTree.objects.values_list("generation", "size"))  # by now, which was enough for each of them
    for number in numbers:
        if number in found.known:
            continue
        found.known.add(number)
        row = row_of(number)
        if row is None or row.leaf != row.stored or row.redacted:
            continue  # it has a finding of its own
        event = SignalEvent.objects.get(pk=number)
        place = places.of(number, stored_bytes(event.digest)) if number <= sealed else None
        if event.outcome != COMMITTED or (number <= sealed and place is None):
            found.refused.append(f"Event {number} tells of a {event.source} that was not done, or was never sealed.")
            continue
        try:
            _take(found, event, _Before(number, place, sizes, stay))
        except ImpossibleError as error:
            found.impossible.append((number, str(error)))
            continue
        except ProofError as error:
            found.refused.append(f"Event {number} tells of a {event.source} that nobody can read: {error}")
            continue
        if number > sealed:
            found.unsealed.add(number)
    return found


def _numbers(ranges: Ranges) -> Iterator[int]:
    return (number for first, last in ranges for number in range(first, last + 1))


def _logs_own() -> QuerySet[SignalEvent]:
    """By the index on sender and key: the log's own events have none."""
    return SignalEvent.objects.filter(sender=SignalEvent._meta.label, object_pk="")


class _Before(NamedTuple):
    """What an event can name: what was sealed, or written, before it."""

    number: int
    place: Place | None
    sizes: dict[int, int]
    """How many leaves each generation has."""
    stay: Ranges
    """Events that no prune removes, by id."""

    def must_have(self, rows: Ranges, indexes: Mapping[int, Ranges]) -> None:
        """Raise ``ImpossibleError`` if something that is named came later."""
        own = self.place
        if rows and rows.last >= self.number:
            raise ImpossibleError(f"event {rows.last}, which is no older than itself")
        for generation, leaves in indexes.items():
            size = self.sizes.get(generation, 0)
            if own is not None and generation >= own.tree.generation:
                size = own.leaf if generation == own.tree.generation else 0
            if leaves and leaves.last >= size:
                raise ImpossibleError(f"leaf {leaves.last:,} of generation {generation}, which was not sealed by then")


def _take(found: Allowed, event: SignalEvent, before: _Before) -> None:
    """Accept what an event names; raises ``ProofError``."""
    labels = event.labels or {}
    if not isinstance(labels, dict):
        raise ProofError("Its labels are none.")
    if event.source == PRUNE:
        rows = parse_ranges(str(labels.get("events", "")))
        leaves = leaves_by({INDEXES: labels.get(INDEXES, "")}, rows)
        before.must_have(rows, leaves.indexes)
        if kept := rows.common(before.stay):
            raise ImpossibleError(f"event {kept}, which no prune removes")
        found.prune(event.pk, dict(leaves.indexes))
        found.ids.add(leaves)
        for generation, _, named in leaves.by_generation():
            for stretch in {at for low, high in named for at in range(low // STRETCH, high // STRETCH + 1)}:
                found.places.setdefault((generation, stretch), []).append(leaves)
            if "archive" not in labels:
                found.unarchived.setdefault(generation, Ranges()).update(named)
        if (archived := _archived(found, event, labels)) is not None:
            archived.ids.update(rows)
    elif DONE in labels:
        found.done.update(parse_ranges(str(labels[DONE])))
        _archived(found, event, labels)
    else:
        left = left_by(labels)
        before.must_have(left.rows, left.leaves.indexes)
        file = Path(str(labels.get("archive", ""))).name
        found.redactions.append(Redaction(event.pk, event.occurred_at, left.rows, file))
        found.archived.update(left.rows)
        if not file:
            found.redacted.update(left.rows)
        else:
            found.archives.setdefault(file, Archived()).begun.add(event.pk)
        found.ids.add(left.leaves)


def _archived(found: Allowed, event: SignalEvent, labels: Mapping[str, Any]) -> Archived | None:
    """What an event tells of the file that it has written."""
    if "archive" not in labels:
        return None
    path = str(labels["archive"])
    archived = found.archives.setdefault(Path(path).name, Archived())
    hashes = {name: str(labels.get(name, "")) for name in (FILE_HASH, MANIFEST_HASH)}
    archived.written[path] = Written(event.pk, hashes)
    return archived
