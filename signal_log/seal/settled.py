"""The id up to which no event can still appear, so that an event's place in the tree is its place for good.

SQLite has one writer, so that is the newest id. On PostgreSQL ids are given before their transactions commit. An INSERT
takes its lock on the table before it takes its id, and gives it back after its commit is visible. So whoever may still
bring an id that has been given holds the lock right after that is known, and when none of those holders is left, that
id and all below it are settled (the lock rule, as in ``tail/cursor.py``; never a clock). Where a long transaction holds
on, the rows that follow without a gap are settled all the same: no id is missing among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connections

from signal_log.conf import conf
from signal_log.models import SignalEvent
from signal_log.store.follow import CEILING
from signal_log.store.write_locks import PREPARED, Holders, write_lock_holders
from signal_log.vendor import vendor_of

LOOKED_AT: Final = 10_000
"""Of how many rows one look tells whether ids are missing among them."""
KEPT: Final = 100
"""How many pieces of evidence are kept."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was known at one moment: an id that had been given, and who might still bring it, or one below."""

    newest: int
    holders: Holders


class Horizon:
    """One sealer's knowledge of what is settled; it grows with each look, and is worth keeping between rounds."""

    def __init__(self) -> None:
        self._floor = 0
        self._evidence: list[Evidence] = []

    def settled(self, above: int) -> int:
        """The id up to which no row can still appear, at least ``above``, up to which none could before."""
        if vendor_of(connections[conf.DATABASE]) != "postgresql":
            return max(newest_id(), above)
        newest = newest_id()
        self.learn(newest, write_lock_holders(conf.DATABASE))
        floor = max(self._floor, above)
        return max(floor, _without_a_gap(floor, newest) if floor < newest else floor)

    def learn(self, newest: int, holders: Holders) -> None:
        """Take in an id that had been given, and who held the lock after that was known."""
        self._evidence.append(Evidence(newest, holders))
        left: list[Evidence] = []
        for one in self._evidence:
            # A transaction that is prepared may have changed its name since.
            remaining = one.holders if PREPARED in holders else one.holders & holders
            if not remaining:
                self._floor = max(self._floor, one.newest)
            elif left and left[-1].holders == remaining:
                left[-1] = Evidence(max(left[-1].newest, one.newest), remaining)
            else:
                left.append(Evidence(one.newest, remaining))
        self._evidence = [one for one in left if one.newest > self._floor]
        while len(self._evidence) > KEPT:  # as they may, while a transaction is prepared for long
            later, earlier = self._evidence.pop(), self._evidence.pop()
            self._evidence.append(Evidence(later.newest, later.holders | earlier.holders))


def newest_id() -> int:
    """The largest id in the log; of ids that somebody has chosen, none that the database has yet to reach itself."""
    one_writer = vendor_of(connections[conf.DATABASE]) != "postgresql"
    return _number(
        f"SELECT max(id) FROM {_table()} WHERE id <= {CEILING[one_writer]}",  # noqa: S608  our own texts
        [],
    )


def _without_a_gap(floor: int, newest: int) -> int:
    """The last of the rows above an id that follow each other without a missing one."""
    return max(
        floor,
        _number(
            "SELECT max(id) FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM"  # noqa: S608
            f" (SELECT id FROM {_table()} WHERE id > %s AND id <= %s ORDER BY id LIMIT {LOOKED_AT}) AS above"
            ") AS numbered WHERE id = %s + number",
            [floor, newest, floor],
        ),
    )


def _number(sql: str, params: list[int]) -> int:
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(sql, params)
        (found,) = cursor.fetchone()
    return found or 0


def _table() -> str:
    return connections[conf.DATABASE].ops.quote_name(SignalEvent._meta.db_table)
