"""What triggers have noted and has not become events yet: nobody else removes it, and what waits too long is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log import clock
from signal_log.audit.guard.flag import NOT_OURS, SETTING
from signal_log.conf import conf
from signal_log.models import PastWrite
from signal_log.vendor import vendor_of

TABLE: Final = PastWrite._meta.db_table
KEPT: Final = "signal_log_pastwrite_kept"
VERBS: Final = ("delete", "update")
TOO_LONG: Final = timedelta(minutes=5)
"""A server makes events within a second."""
_REFUSED: Final = "signal_log: what a trigger has noted becomes an event; only signal_guard collect removes it"


def statements(connection: BaseDatabaseWrapper, schema: str) -> list[str]:
    """The statements that keep others from removing or changing what waits."""
    if vendor_of(connection) == "sqlite":
        return [sql for name, trigger in _sqlite().items() for sql in (f"DROP TRIGGER IF EXISTS {name}", trigger)]
    function = f'"{schema}".{KEPT}'
    made = (
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $signal_log$ BEGIN "
        f"RAISE EXCEPTION '{_REFUSED}' USING ERRCODE = 'insufficient_privilege'; END $signal_log$"
    )
    trigger = (
        f'CREATE OR REPLACE TRIGGER {KEPT} BEFORE DELETE OR UPDATE ON "{schema}".{TABLE} FOR EACH ROW '
        f"WHEN ({NOT_OURS['postgresql']}) EXECUTE FUNCTION {function}()"
    )
    return [made, trigger]


def undoing(connection: BaseDatabaseWrapper, schema: str) -> list[str]:
    """The statements that take these triggers away."""
    if vendor_of(connection) == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {name}" for name in _sqlite()]
    return [f'DROP FUNCTION IF EXISTS "{schema}".{KEPT}() CASCADE']


def is_kept(connection: BaseDatabaseWrapper) -> bool:
    """Whether the triggers are there, as they should be."""
    with connection.cursor() as cursor:
        if vendor_of(connection) == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE])
            return _sqlite().items() <= dict(cursor.fetchall()).items()
        cursor.execute(
            "SELECT count(*) FROM pg_trigger "
            "WHERE tgrelid = to_regclass(%s) AND tgname = %s AND tgenabled IN ('O', 'A')",
            [TABLE, KEPT],
        )
        return bool(cursor.fetchone()[0])


@contextmanager
def by_us(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """In a transaction: remove what has become events; and read texts that are none, with what cannot be read replaced.

    A pooler may have given Django a connection to PostgreSQL that lacks the mark.
    """
    raw: Any = connection.connection
    if vendor_of(connection) == "sqlite":
        before, raw.text_factory = raw.text_factory, _text
        try:
            yield
        finally:
            raw.text_factory = before
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL {SETTING} = 'on'")
    yield


def stuck() -> str:
    """That something has waited for too long, in a sentence; else empty."""
    oldest = PastWrite.objects.using(conf.DATABASE).order_by("id").values_list("written_at", flat=True).first()
    if oldest is None:
        return ""
    try:
        since = datetime.fromisoformat(oldest)
        is_old = clock.now() - since > TOO_LONG
    except (TypeError, ValueError):
        is_old = True
    if not is_old:
        return ""
    number = PastWrite.objects.using(conf.DATABASE).count()
    noun = "write past Django waits" if number == 1 else "writes past Django wait"
    return (
        f"{number:,} {noun} to become an event, the oldest since {oldest}. `manage.py signal_guard collect` makes them."
    )


def stuck_or_unknown() -> str:
    """The same for a page, which has no reason to fail."""
    try:
        return stuck()
    except DatabaseError:
        return ""


def _sqlite() -> dict[str, str]:
    return {
        f"{KEPT}_{verb}": f"CREATE TRIGGER {KEPT}_{verb} BEFORE {verb.upper()} ON {TABLE} "
        f"WHEN {NOT_OURS['sqlite']} BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        for verb in VERBS
    }


def _text(told: bytes) -> str:
    return told.decode(errors="replace")
