"""How far the archive that ``ARCHIVE`` names reaches into the log, by the events of all prunes into it.

There may be ten thousand of them, and every page asks. So a process remembers what it has read: up to the newest one
that is sealed, below which none comes later, and only as long as that very event is still there.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from django.db.models import QuerySet, Subquery

from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.event import MAINTENANCE
from signal_log.models import SealTree, SignalEvent
from signal_log.seal.iceberg.place import read_place
from signal_log.seal.ranges import parse_ranges
from signal_log.store.read import events

AT_ONCE: Final = 500
"""So many events of prunes are in memory at a time."""


class _Known(NamedTuple):
    """What was read of the prunes into one archive."""

    highest: int = 0
    """The highest id that any of them removed."""
    pk: int = 0
    """The newest of their events."""
    digest: bytes = b""
    """That event's: another one may have its id where the log was restored."""


_known: Final[dict[tuple[str, str], _Known]] = {}
"""By database and place."""


def reaches_to() -> int:
    """Up to which id events may be in the archive and not in the table; 0 if there is no archive, or nothing in it."""
    if not conf.ARCHIVE:
        return 0
    try:
        location = read_place(conf.ARCHIVE).location
    except ProofError:  # as a check has said
        return 0
    told = _prunes()
    known = _known.get((told.db, location), _Known())
    rows = list(told.filter(pk__gte=known.pk)[:AT_ONCE])
    if known.pk and (not rows or (rows[0][0], bytes(rows[0][1])) != (known.pk, known.digest)):
        known, rows = _Known(), list(told[:AT_ONCE])
    highest = known.highest
    while rows:
        for pk, digest, labels, settled in rows:
            highest = max(highest, _end(labels, location))
            if pk <= (settled or 0):
                known = _Known(highest, pk, bytes(digest))
        rows = list(told.filter(pk__gt=rows[-1][0])[:AT_ONCE]) if len(rows) == AT_ONCE else []
    _known[told.db, location] = known
    return highest


def _prunes() -> QuerySet[SignalEvent, Any]:
    """The events of all prunes, oldest first, each with the id up to which the log is sealed."""
    own = events().filter(sender=SignalEvent._meta.label, object_pk="", signal=MAINTENANCE)
    sealed = Subquery(SealTree.objects.order_by("-generation").values("last_id")[:1])
    return own.filter(source="command:signal_prune").order_by("pk").values_list("pk", "digest", "labels", sealed)


def _end(labels: Any, location: str) -> int:
    """The highest id that a prune into this archive removed; 0 of one that archived elsewhere, or not at all."""
    if not isinstance(labels, dict) or str(labels.get("archive", "")).rpartition("/")[0] != location:
        return 0
    ranges = parse_ranges(str(labels.get("events", "")))
    return ranges.last if ranges else 0
