"""One batch of a redaction: the event that tells of it, then the rows that it names, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.audit import hold
from signal_log.audit.redaction.erase import Change, Values
from signal_log.errors import RedactionError
from signal_log.maintenance import maintenance
from signal_log.models import SignalEvent
from signal_log.seal import named_leaves
from signal_log.seal.canonical import canonical
from signal_log.seal.named_leaves import Row
from signal_log.seal.ranges import Ranges
from signal_log.seal.remains import ERASE, LABEL, MASKED, label_of
from signal_log.seal.stored import Places
from signal_log.store.read import events
from signal_log.vendor import vendor_of

COMMAND: Final = "signal_redact"
ROWS_A_BATCH: Final = 500
_FIELDS: Final = SignalEvent._meta.concrete_fields
_BY_NAME: Final = {field.attname: field for field in _FIELDS}


def as_dict(event: SignalEvent) -> Values:
    """An event by column."""
    return {field.attname: getattr(event, field.attname) for field in _FIELDS}


def labels_of(changes: Sequence[Change], *, owned: bool) -> dict[str, str]:
    """How the event of a redaction names rows, their leaves, and what remains in them; in the order of their ids."""
    in_order = sorted(changes, key=lambda one: one.id)
    places, named = Places(), []
    for one in in_order:
        digest = bytes(one.before["digest"])
        place = places.of(one.id, digest)
        named.append(Row(one.id, (place.tree.generation, place.leaf) if place else None, digest))
    rows = {"events": str(Ranges.of(one.id for one in changes)), **named_leaves.labels_of(named)}
    if owned:
        return {**rows, "what": ERASE}
    return {**rows, "what": MASKED, LABEL: label_of(one.remainder for one in in_order)}


def write(connection: BaseDatabaseWrapper, changes: Sequence[Change], why: str, of: str, *, owned: bool) -> None:
    """Change these events; raises ``RedactionError`` where one is held by now, or is no longer what it was."""
    before = {one.id: one.before for one in changes}
    with maintenance(connection, COMMAND, why=why, rows=labels_of(changes, owned=owned), of=of) as opening:
        at = events().values_list("occurred_at", flat=True).get(pk=opening)
        now = list(events().filter(pk__in=before).order_by("pk").select_for_update())
        for held in hold.current_until_commit().among(now).values():
            raise RedactionError(f"Meanwhile {hold.shown(held)} came into force; run it again.")
        if {event.pk: as_dict(event) for event in now} != before:
            raise RedactionError("Meanwhile somebody else has changed these events; run it again.")
        _update(connection, [(one.id, {**one.new, "redacted_at": at}) for one in changes])


def _update(connection: BaseDatabaseWrapper, rows: Sequence[tuple[int, Values]]) -> None:
    """One prepared statement for all rows in which the same columns change."""
    by_columns: dict[tuple[str, ...], list[list[Any]]] = {}
    for number, values in rows:
        stored = [_stored(connection, name, value) for name, value in values.items()]
        by_columns.setdefault(tuple(values), []).append([*stored, number])
    with connection.cursor() as cursor:
        for names, parameters in by_columns.items():
            columns = ", ".join(f"{name} = %s" for name in names)
            table = SignalEvent._meta.db_table
            cursor.executemany(f"UPDATE {table} SET {columns} WHERE id = %s", parameters)  # noqa: S608  our own names


def _stored(connection: BaseDatabaseWrapper, name: str, value: Any) -> Any:
    """A value as the recorder stores it: Django would escape JSON on SQLite, and a search would miss it."""
    if isinstance(value, (dict, list)) and vendor_of(connection) == "sqlite":
        return canonical(value).decode()
    return _BY_NAME[name].get_db_prep_save(value, connection)
