"""What statements do to the transaction: savepoints, and a COMMIT or ROLLBACK that the host issues by SQL of its own.

Django makes its savepoints by statements too, so these are told from there alone; its own COMMIT and ROLLBACK are the
driver's, and come through ``signal_log.capture.transaction.connection``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.model.row_sql import forget_readable
from signal_log.capture.transaction.held import held_on
from signal_log.capture.transaction.state import in_transaction, is_open
from signal_log.vendor import vendor_of

_GAP: Final = r"(?:\s|--[^\n]*\n|/\*.*?\*/)"
_ORDINARY: Final = ("UPDATE ", "INSERT ", "DELETE ")
"""How nearly every statement that writes begins; none of these needs a closer look."""
_COMMAND: Final = re.compile(
    rf"""{_GAP}*(?:
    SAVEPOINT{_GAP}+(?P<made>"(?:[^"]|"")+"|\w+)
    |ROLLBACK(?:{_GAP}+(?:WORK|TRANSACTION))?{_GAP}+TO(?:{_GAP}+SAVEPOINT)?{_GAP}+(?P<undone>"(?:[^"]|"")+"|\w+)
    |RELEASE(?:{_GAP}+SAVEPOINT)?{_GAP}+(?P<released>"(?:[^"]|"")+"|\w+)
    |(?P<end>COMMIT|END|ROLLBACK|ABORT)\b(?!{_GAP}+PREPARED)
    )""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
SETTING: Final = ("SELECT set_config", "SELECT pg_catalog.set_config")
"""How reads begin that set something."""
# What changes who may read a table, which one a name means, or where its keys come from.
_RIGHTS: Final = re.compile(
    rf"""{_GAP}*(?:
    (?:CREATE|ALTER|DROP|GRANT|REVOKE|REASSIGN|DISCARD|DO|CALL)\b
    |SET{_GAP}+(?:(?:LOCAL|SESSION){_GAP}+)?(?:ROLE|AUTHORIZATION|SEARCH_PATH|SCHEMA|ROW_SECURITY)\b
    |RESET{_GAP}+(?:ALL|ROLE|SESSION|SEARCH_PATH|ROW_SECURITY)\b
    |SELECT{_GAP}+(?:pg_catalog\.)?set_config\b
    )""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def run_beside(connection: BaseDatabaseWrapper, sql: str, run: Callable[[], Any]) -> Any:
    """Run a statement on a connection that holds events, which follow what it does to their transaction."""
    held = held_on(connection)
    held.write_before_reading(sql)
    held.leave_ended()
    command = None if sql.startswith(_ORDINARY) else _COMMAND.match(sql)
    if command is None:
        return run()
    results: list[Any] = []

    def original(*_: str) -> None:
        results.append(run())

    kind = command.lastgroup or ""
    if kind == "end":
        verb = command[kind].upper()
        end = held.commit if verb in ("COMMIT", "END") else held.rollback
        end(original, by_sql=True)
    else:
        getattr(held, _SAVEPOINTS[kind])(original, _name(command[kind]))
    return results[0]


_SAVEPOINTS: Final = {"made": "savepoint", "undone": "savepoint_rollback", "released": "savepoint_release"}


def may_change_rights(sql: str) -> bool:
    """Whether a statement may change what the connection's role can read."""
    return not sql.startswith(_ORDINARY) and _RIGHTS.match(sql) is not None


def rights_changed(connection: BaseDatabaseWrapper) -> None:
    """What was known of readable tables is forgotten, now and where a rollback or COMMIT takes the change back."""
    if vendor_of(connection) != "postgresql":
        return
    forget_readable(connection)
    if in_transaction(connection) or is_open(connection):
        held_on(connection).rights_changed = True


def _name(text: str) -> str:
    return text[1:-1].replace('""', '"') if text.startswith('"') else text.lower()
