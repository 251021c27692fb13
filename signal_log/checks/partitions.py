"""System checks of the log's partitions: the next ones are there, and nothing is left of an interrupted conversion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.core import checks
from django.db import connections

from signal_log.amounts import counted
from signal_log.conf import accepted, conf
from signal_log.store.partitions.convert import leftovers
from signal_log.store.partitions.layout import layout
from signal_log.store.partitions.table import last_id
from signal_log.vendor import vendor_of

AHEAD: Final = "python manage.py signal_partition ahead"


def check_partitions(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """There is a partition for the next events."""
    if not accepted("DATABASE") or conf.DATABASE not in connections or conf.DATABASE not in (databases or ()):
        return []
    connection = connections[conf.DATABASE]
    if vendor_of(connection) != "postgresql":
        return []
    parts = layout(connection)
    if parts is None:
        constraints, _new = leftovers(connection)
        return [
            _warning(
                f"A conversion of the log was interrupted. It has left the constraint {name}, which will refuse events "
                "one day, and with them the host's saves.",
                "python manage.py signal_partition convert goes on; or drop the constraint.",
            )
            for name in constraints
        ]
    found = []
    if parts.default is None:
        found.append(
            _warning(
                "The log has no default partition: where the next partition was not made in time, saves fail.", AHEAD
            )
        )
    else:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM (SELECT FROM {parts.rows_of(parts.default)} LIMIT 10000) AS few")  # noqa: S608
            (number,) = cursor.fetchone()
        if number:
            found.append(
                _warning(
                    f"{counted(number, 'event')}{' or more' * (number == 10_000)} of the log had to go to the default "
                    "partition: the next one was not made in time.",
                    f"{AHEAD}; run it daily, with the role that owns the tables, unless a server's does.",
                )
            )
    left = parts.top - last_id(connection) - 1
    if 0 <= left < parts.width // 2:
        found.append(_warning(f"The log's partitions last for {counted(left, 'event')} more.", AHEAD))
    return found


def _warning(what: str, hint: str) -> checks.CheckMessage:
    return checks.Warning(what, hint=hint, id="signal_log.W036")
