"""Reads the log for breaks in the stories of rows: of one row for a page, or of all of them in bounded memory.

What explains a break, and so is none: a bulk write that was recorded as one event in between, a migration of the app,
and rows of the log that were pruned.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, Final

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Q, QuerySet

from signal_log.audit.breaks.continuity import OF_A_ROW, Break, Chain, Told
from signal_log.audit.breaks.told_rows import told
from signal_log.conf import conf
from signal_log.event import COMMITTED, MAINTENANCE
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row

MOST_OF_A_ROW: Final = 500
"""For a row's page, how many of its newest events are followed: a request waits for it."""
PAGE: Final = 2_000
LATE: Final = 1_000
"""By how many ids a bulk write may be recorded after an event that found what it wrote: in autocommit raw SQL is."""
_PRUNED_TO: Final = re.compile(r"\d+")

Fields = frozenset[str] | None
"""What a bulk write set; None where nobody knows."""


def breaks(*, after: int = 0) -> Iterator[Break]:
    """The breaks in the stories of all rows, by model and key; ``after``: only those found by events above this id.

    Memory holds one page of events, and twelve bytes for each bulk write of the model at hand.
    """
    seen: set[str] = set()
    for sender in _senders():
        if sender in seen:
            continue
        family = {sender, *labels_of_row(sender)}
        seen |= family
        yield from _of_family(tuple(sorted(family)), after)


def breaks_of_row(labels: Sequence[str], pk: str) -> list[Break]:
    """The breaks in the newest part of one row's story, which is recorded under these labels; oldest first."""
    if not pk:
        return []
    newest = _events(labels).filter(object_pk=pk).order_by("-id")[:MOST_OF_A_ROW]
    story = list(told(newest, MOST_OF_A_ROW))
    if not story:
        return []
    explained = Explained(labels, BulkOfStory(labels, story[-1].pk, story[0].pk + LATE))
    return [found for found in broken(reversed(story), Chains(labels)) if not explained(found)]


def _of_family(labels: tuple[str, ...], after: int) -> Iterator[Break]:
    explained = Explained(labels, ReadBulk(labels))
    rows = _events(labels).exclude(object_pk="").order_by("object_pk", "id")
    chains = Chains(labels)
    for _, story in groupby(told(rows, PAGE), key=attrgetter("object_pk")):
        for found in broken(story, chains):
            if found.after > after and not explained(found):
                yield found


def broken(story: Iterable[Told], chains: Chains) -> Iterator[Break]:
    """The breaks in this story of one row, whether explained or not."""
    chains.known.clear()
    for event in story:
        yield from chains.of(event.using).add(event)
    for chain in chains.known.values():
        yield from chain.end()


def _events(labels: Sequence[str]) -> QuerySet[SignalEvent]:
    """The committed events that may tell of a row, under these labels."""
    return SignalEvent.objects.filter(sender__in=labels, signal__in=OF_A_ROW, outcome=COMMITTED)


def _senders() -> Iterator[str]:
    """The labels that occur in the log; each is looked up by the index."""
    last = ""
    while (last := _next_sender(last)) != "":
        yield last


def _next_sender(last: str) -> str:
    found = SignalEvent.objects.filter(sender__gt=last).order_by("sender").values_list("sender", flat=True)
    return next(iter(found[:1]), "")


class Chains:
    """A row's chains, one for each database that has such a row; two aliases of one database are one."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.known: dict[str, Chain] = {}
        self._in_one_table = _in_one_table(tuple(labels))
        self._database_of: dict[str, str] = {}
        self._of_log = _same_database(conf.DATABASE)

    def of(self, using: str) -> Chain:
        """The chain of this database."""
        database = self._database_of.get(using)
        if database is None:
            database = self._database_of[using] = _same_database(using)
        chain = self.known.get(database)
        if chain is None:
            chain = Chain(in_one_table=self._in_one_table, in_order=database == self._of_log)
            self.known[database] = chain
        return chain


class Explained:
    """Whether what is in the log explains a break; each question is asked at the first break that needs it."""

    def __init__(self, labels: Sequence[str], bulk: AskedBulk | ReadBulk) -> None:
        self.labels = labels
        self.bulk = bulk
        self._migrations: dict[str, Sequence[datetime]] = {}

    def __call__(self, found: Break) -> bool:
        """Whether it is explained."""
        if found.before <= self._pruned_to:
            return True
        if any(found.before_at <= moment <= found.after_at for moment in self._migrated(found.using)):
            return True
        return any(
            fields is None or found.is_of_row or found.field in fields or found.field in self._computed
            for fields in self.bulk.between(found.before, found.after + LATE)
        )

    @cached_property
    def _pruned_to(self) -> int:
        pruned = SignalEvent.objects.filter(
            sender=SignalEvent._meta.label, object_pk="", signal=MAINTENANCE, source="command:signal_prune"
        )
        named = (str((labels or {}).get("events", "")) for labels in pruned.values_list("labels", flat=True).iterator())
        return max((int(number) for text in named for number in _PRUNED_TO.findall(text)), default=0)

    @cached_property
    def _computed(self) -> frozenset[str]:
        """The fields that the database computes from others."""
        fields = [field for model in _models(self.labels) for field in model._meta.concrete_fields]
        return frozenset(field.name for field in fields if getattr(field, "generated", False))

    def _migrated(self, using: str) -> Sequence[datetime]:
        """When migrations of these models' apps were applied: a new default or type rewrites rows unrecorded."""
        if using not in self._migrations:
            self._migrations[using] = _migrations(using, frozenset(label.partition(".")[0] for label in self.labels))
        return self._migrations[using]


class ReadBulk:
    """The bulk writes of a model that were recorded as one event each, all of them in memory."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels

    def between(self, low: int, high: int) -> Iterator[Fields]:
        """What the bulk writes with ids above ``low``, up to ``high``, set."""
        for fields, ids in self._ids.items():
            if bisect_right(ids, low) < bisect_right(ids, high):
                yield fields

    @cached_property
    def _ids(self) -> dict[Fields, array[int]]:
        found: dict[Fields, array[int]] = {}
        for number, fields in _bulk_writes(self._labels):
            found.setdefault(fields, array("q")).append(number)
        return found


class AskedBulk:
    """The same, asked of the database for each break."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels

    def between(self, low: int, high: int) -> Iterator[Fields]:
        """What the bulk writes with ids above ``low``, up to ``high``, set."""
        return (fields for _, fields in _bulk_writes(self._labels, Q(id__gt=low, id__lte=high)))


class BulkOfStory(AskedBulk):
    """The same within one row's story: read at its first break, and asked for each only if there are many."""

    def __init__(self, labels: Sequence[str], low: int, high: int) -> None:
        super().__init__(labels)
        self._of_story = Q(id__gt=low, id__lte=high)

    def between(self, low: int, high: int) -> Iterator[Fields]:
        """What the bulk writes with ids above ``low``, up to ``high``, set."""
        if self._all is None:
            return super().between(low, high)
        return (fields for number, fields in self._all if low < number <= high)

    @cached_property
    def _all(self) -> list[tuple[int, Fields]] | None:
        found = list(islice(_bulk_writes(self._labels, self._of_story), PAGE + 1))
        return found if len(found) <= PAGE else None


def _bulk_writes(labels: Sequence[str], where: Q | None = None) -> Iterator[tuple[int, Fields]]:
    """The id and the fields of each, by id; so are events whose key was redacted, and which may be of any row."""
    found = _events(labels).filter(where or Q(), object_pk="").order_by("id")
    for number, signal, changes in found.values_list("id", "signal", "changes").iterator(chunk_size=PAGE):
        yield number, frozenset(changes) if signal == "silent_update" and changes else None


def _same_database(using: str) -> str:
    """The first alias of the database that this alias is of."""
    known = connections.settings
    if using not in known:
        return using
    return next((alias for alias in known if _place(alias) == _place(using)), using)


def _place(alias: str) -> tuple[Any, ...]:
    given = connections[alias].settings_dict
    mirror = (given.get("TEST") or {}).get("MIRROR")
    if mirror and mirror in connections.settings:
        return _place(mirror)
    return tuple(str(given.get(name)) for name in ("ENGINE", "NAME", "HOST", "PORT"))


def _models(labels: Iterable[str]) -> Iterator[Any]:
    for label in labels:
        try:
            yield apps.get_model(label)
        except (LookupError, ValueError):
            continue


@lru_cache(maxsize=256)
def _in_one_table(labels: tuple[str, ...]) -> bool:
    """Whether the models of these labels, which must be there, share one table."""
    found = list(_models(labels))
    tables = {model._meta.db_table for model in found}
    return len(tables) == 1 and all(not model._meta.concrete_model._meta.parents for model in found)


def _migrations(using: str, app_labels: frozenset[str]) -> list[datetime]:
    alias = using if using in connections.settings else DEFAULT_DB_ALIAS
    recorder = MigrationRecorder(connections[alias])
    try:
        if not recorder.has_table():
            return []
        return list(recorder.migration_qs.filter(app__in=app_labels).values_list("applied", flat=True))
    except DatabaseError:  # a database that this process cannot read
        return []
