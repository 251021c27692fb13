"""Reads the log for the tail on a dedicated connection, and tells it what distinguishes gaps from dead ids.

Each ``Follower`` belongs to one thread, on which all its methods must be called. It never shares a connection with
requests and reads in autocommit; inside a transaction it would be stuck at its first snapshot.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, TypeVar

from django.db import Error, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Max, Min, Q, QuerySet
from django.db.models.expressions import RawSQL

from signal_log.conf import conf
from signal_log.errors import LogUnavailable
from signal_log.event import MAINTENANCE
from signal_log.filters import Filters
from signal_log.models import SignalEvent
from signal_log.query_language.keys import TEXT, TOOK
from signal_log.store.own_connection import dedicated_connection, is_sqlite
from signal_log.store.read import as_mapping, filtered
from signal_log.store.row import TABLE
from signal_log.store.schema import LARGEST_ID, log_identity
from signal_log.store.write_locks import Holders, write_lock_holders

LOOK_BACK: Final = 100_000
"""How far below the newest id a starting reader looks for rows that may still commit."""
DEEPEST_BACKFILL: Final = 250_000
"""How far below the newest id a backfill looks for matching rows; ``/events/`` covers all."""
APPLICATION_NAME: Final = "signal_log reader"
STANDBY: Final = (
    "This server is a standby, and the log is followed on the primary. After a failover this passes when it is "
    "promoted; where DATABASES names several hosts, add the option target_session_attrs=read-write."
)

CEILING: Final = {
    True: f"{LARGEST_ID}",
    False: f"""(
        SELECT coalesce(CASE WHEN has_sequence_privilege(name, 'USAGE, SELECT') THEN pg_sequence_last_value(name) END,
        {LARGEST_ID}) FROM (SELECT pg_get_serial_sequence('{TABLE}', 'id')::regclass::oid) AS sequence (name))""",  # noqa: S608
}
"""Up to which id the tail reads, by whether there is one writer: what the sequence has given.

Beyond it an id was chosen by whoever inserted the row. Followed there, the tail would take all that comes after for
rows that it has missed; so such a row comes when the sequence has passed it.
"""

# Matched in Python, with the same code as live events, because case-insensitivity differs between databases.
_BY_PYTHON: Final = (TEXT, "object")

P = ParamSpec("P")
R = TypeVar("R")


class Edge(NamedTuple):
    """A row, identified by its id and the start of its digest."""

    id: int
    mark: str


class Hole(NamedTuple):
    """A range of missing ids, and the row right below it."""

    first: int
    last: int
    below: Edge


class Extent(NamedTuple):
    """The oldest and newest id in the log, 0 if it is empty."""

    oldest: int
    newest: int


def _reading(
    method: Callable[Concatenate[Follower, P], R],
) -> Callable[Concatenate[Follower, P], R]:
    """On a database error, close the connection, so that the next call reconnects, and raise ``LogUnavailable``."""

    @functools.wraps(method)
    def guarded(self: Follower, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            self._connect()
            return method(self, *args, **kwargs)
        except Error as error:
            self.close()
            raise LogUnavailable(str(error).strip() or type(error).__name__) from error

    return guarded


class Follower:
    """One thread's access to the log's table."""

    def __init__(self) -> None:
        self.alias: str = conf.DATABASE
        self._connection: BaseDatabaseWrapper | None = None
        self._data_version: int | None = None

    @property
    def one_writer(self) -> bool:
        """Whether ids become visible in order, so that there are no gaps to track (SQLite)."""
        return is_sqlite(self.alias)

    def close(self) -> None:
        """Close the connection; a later call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._data_version = None

    def interrupt(self) -> None:
        """Cancel the running statement; the only method to be called from another thread."""
        connection = self._connection
        if connection is None or connection.connection is None:
            return
        with suppress(connection.Database.Error):  # type: ignore[attr-defined]
            connection.connection.interrupt() if self.one_writer else connection.connection.cancel()

    @_reading
    def epoch(self) -> str:
        """Eight hex digits that identify this log; a copy of the database has the same, until marks differ."""
        return hashlib.sha256(log_identity(self.alias).encode()).hexdigest()[:8]

    @_reading
    def extent(self) -> Extent:
        """The oldest and newest id."""
        found = self._events().order_by().aggregate(oldest=Min("id"), newest=Max("id"))
        return Extent(found["oldest"] or 0, found["newest"] or 0)

    @_reading
    def mark(self, number: int) -> str | None:
        """The start of the digest of the row with this id, or None if there is no such row."""
        found = self._events().filter(pk=number).values_list("digest", flat=True).first()
        return None if found is None else bytes(found).hex()[:8]

    @_reading
    def has(self, rows: Sequence[Edge]) -> bool:
        """Whether all these rows are there, and are still the same."""
        found = dict(self._events().filter(pk__in=[row.id for row in rows]).values_list("id", "digest"))
        return all(bytes(found.get(row.id, b"")).hex()[:8] == row.mark for row in rows)

    @_reading
    def was_pruned(self, number: int) -> bool:
        """Whether a prune after it explains that there is no row with this id, although there are older ones."""
        told = self._events().filter(pk__gt=number, sender=SignalEvent._meta.label, object_pk="", signal=MAINTENANCE)
        return told.filter(source="command:signal_prune").exists()

    @_reading
    def beginning(self) -> tuple[Edge, list[Hole]]:
        """The newest row and the ids missing below it, read in one statement."""
        table = connections[self.alias].ops.quote_name(TABLE)
        with connections[self.alias].cursor() as cursor:
            cursor.execute(
                f"SELECT id, digest, above FROM ("  # noqa: S608  the table's own name, quoted
                f" SELECT id, digest, lead(id) OVER (ORDER BY id) AS above, lag(id) OVER (ORDER BY id) AS below"
                f" FROM {table} WHERE id <= {CEILING[self.one_writer]}"
                f" AND id >= (SELECT max(id) FROM {table} WHERE id <= {CEILING[self.one_writer]}) - %s) AS newest"
                f" WHERE above IS NULL OR above > id + 1 OR below IS NULL ORDER BY id",
                [LOOK_BACK],
            )
            rows = [(Edge(row[0], bytes(row[1]).hex()[:8]), row[2]) for row in cursor.fetchall()]
        if not rows:
            return Edge(0, ""), []
        holes = [Hole(edge.id + 1, above - 1, edge) for edge, above in rows if above and above > edge.id + 1]
        lowest = rows[0][0].id
        if 1 < lowest <= LOOK_BACK and rows[-1][0].id <= LOOK_BACK:
            holes.insert(0, Hole(1, lowest - 1, Edge(0, "")))  # a young log: its first row may not be committed yet
        return rows[-1][0], holes

    @_reading
    def read(
        self,
        above: int,
        ranges: Sequence[tuple[int, int]],
        limit: int,
        *,
        up_to: int | None = None,
        filters: Filters | None = None,
    ) -> list[dict[str, Any]]:
        """The rows above an id and those in the ranges, in order of id, in one statement.

        Filters that SQL can answer exactly are applied; the rest are left to the caller.
        """
        wanted = Q(id__gt=above)
        if up_to is not None:
            wanted &= Q(id__lte=up_to)
        else:
            wanted &= Q(id__lte=RawSQL(CEILING[self.one_writer], ()))  # noqa: S611  our own text
        for first, last in ranges:
            wanted |= Q(id=first) if first == last else Q(id__range=(first, last))
        rows = self._events().filter(wanted)
        if ranges:  # for an ORed condition alone, the planner may scan the index from end to end
            rows = rows.filter(id__gte=min(above + 1, ranges[0][0]))
            if up_to is not None:
                rows = rows.filter(id__lte=max(up_to, ranges[-1][1]))
        if filters:
            rows = filtered(rows, _exact_part(filters))
        return _mappings(rows.order_by("id")[:limit])

    @_reading
    def reach(self, above: int, up_to: int, rows: int, filters: Filters) -> Edge | None:
        """Up to where ``read`` should look, to look at so many rows; None if there are fewer up to the id given.

        None, too, if SQL answers none of the filters: then it looks at no more rows than it returns.
        """
        if not _exact_part(filters):
            return None
        ids = self._events().filter(id__gt=above, id__lte=up_to).order_by("id").values_list("id", "digest")
        found = list(ids[rows - 1 : rows])
        return Edge(found[0][0], bytes(found[0][1]).hex()[:8]) if found else None

    @_reading
    def last(
        self, count: int, up_to: int, filters: Filters, *, floor: int, among: int
    ) -> tuple[list[dict[str, Any]], int]:
        """The newest ``count`` matching rows up to an id, in order of id, and the id above which it has looked.

        It looks at ``among`` rows, and at none up to ``floor``, which it returns when it has come so far.
        """
        newest = self._events().filter(id__lte=up_to).order_by("-id")
        if not filters:
            found = _mappings(newest.filter(id__gt=floor)[: min(count, among)])
            return found[::-1], found[-1]["id"] - 1 if len(found) == among else floor
        lowest = list(newest.filter(id__gt=floor).values_list("id", flat=True)[among - 1 : among])
        searched_to = lowest[0] - 1 if lowest else floor
        # One lower bound: of two, SQLite would take the first, and read all rows down to it.
        found = _mappings(filtered(newest.filter(id__gt=searched_to), filters)[:count])
        return found[::-1], searched_to

    @_reading
    def among(self, numbers: Sequence[int], filters: Filters) -> list[dict[str, Any]]:
        """The rows of these ids that match, as far as SQL can tell, in order of id."""
        return _mappings(filtered(self._events().filter(pk__in=numbers), _exact_part(filters)).order_by("id"))

    @_reading
    def holders(self) -> Holders:
        """The transactions that hold a write lock on the table; prepared transactions appear as ``PREPARED``."""
        return write_lock_holders(self.alias)

    @_reading
    def changed(self) -> bool:
        """Whether another connection has committed to this SQLite file since the last call."""
        (version,) = self._row("PRAGMA data_version")
        before, self._data_version = self._data_version, version
        return before != version

    @_reading
    def borrow(self, question: Callable[[], R]) -> R:
        """Run a query on other tables (sessions, users) on this thread's connections."""
        return question()

    def _events(self) -> QuerySet[SignalEvent]:
        return SignalEvent.objects.using(self.alias)

    def _row(self, sql: str, params: Iterable[Any] = ()) -> tuple[Any, ...]:
        with connections[self.alias].cursor() as cursor:
            cursor.execute(sql, list(params))
            row: tuple[Any, ...] = cursor.fetchone()
        return row

    def _connect(self) -> None:
        """Give this thread a persistent connection, independent of pools and requests."""
        if self._connection is None:
            self._connection = dedicated_connection(self.alias, APPLICATION_NAME)
        if self._connection.connection is None:
            self._connection.ensure_connection()
            self._must_not_be_a_standby()

    def _must_not_be_a_standby(self) -> None:
        """Raise ``OperationalError`` on a copy that only follows: it knows nothing of who may still fill a gap."""
        if not self.one_writer and self._row("SELECT pg_is_in_recovery()")[0]:
            raise OperationalError(STANDBY)


def _exact_part(filters: Filters) -> Filters:
    return filters.without(_BY_PYTHON, but=TOOK)  # Python knows no times, so SQL answers what names them


def _mappings(rows: Iterable[SignalEvent]) -> list[dict[str, Any]]:
    return [as_mapping(row) for row in rows]
