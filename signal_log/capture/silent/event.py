"""The event of a silent write: its statement, the number of rows changed and the values set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.constants import OnConflict

from signal_log.capture.faults import faults
from signal_log.capture.model.error_text import error_text
from signal_log.capture.model.plan import Plan
from signal_log.capture.silent.known_names import shown_statement
from signal_log.capture.silent.query_secrets import secrets_in, unlogged_in
from signal_log.capture.silent.statements import INSERT, UPDATE
from signal_log.capture.silent.update_values import assigned
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.opening import open_event, open_scene
from signal_log.capture.transaction.recording import record_undone
from signal_log.interruption import let_interruption_pass
from signal_log.vendor import vendor_of


class SilentWrite(NamedTuple):
    """One silent write: its verb, its model, and the ORM query if there is one."""

    verb: str
    plan: Plan
    counted: bool
    query: Any = None


def open_draft(write: SilentWrite, connection: BaseDatabaseWrapper, text: str) -> Draft:
    """Open the event of a silent write that is about to run."""
    draft = open_event(open_scene(write.plan.label, connection.alias), f"silent_{write.verb}")
    query = write.query
    try:
        if secrets := secrets_of(write):
            draft.scene.trace.gathered.note_secrets(secrets)
        if write.plan.unlogged and query is not None:
            draft.scene.trace.gathered.note_hidden(unlogged_in(write.plan, query))
        draft.origin = {"model": write.plan.label, "rows": None, "statement": shown_statement(write.plan, text)}
        if write.verb == UPDATE and query is not None:
            draft.changes = assigned(write.plan, query)
    except BaseException as error:  # noqa: BLE001  a host's field or expression may raise anything
        let_interruption_pass(error)
        faults.note(draft, error)
    return draft


def close_draft(draft: Draft, rows: int | None) -> None:
    """Close the event after its statement has run, on this many rows (None: unknown)."""
    draft.object_repr = "rows" if rows is None else "1 row" if rows == 1 else f"{rows} rows"
    if draft.origin is not None:
        draft.origin["rows"] = rows


def rows_of(write: SilentWrite, context: dict[str, Any], text: str) -> int | None:
    """How many rows the statement changed; None if unknown."""
    if write.verb == INSERT and write.query is not None and write.query.on_conflict != OnConflict.IGNORE:
        return len(write.query.objs)
    if vendor_of(context["connection"]) == "sqlite" and "RETURNING" in text.upper():
        return None  # SQLite counts when the last row is fetched
    if not write.counted:
        return None
    count: int = context["cursor"].rowcount
    if count < 0 and vendor_of(context["connection"]) == "sqlite":  # sqlite3 decides by the statement's first word
        count = context["connection"].connection.execute("SELECT changes()").fetchone()[0]
    return count if count >= 0 else None


def secrets_of(write: SilentWrite) -> list[Any]:
    """The statement's secret values, which an error message or another field may repeat."""
    return [] if write.query is None else list(secrets_in(write.plan, write.query))


def hold_failed(
    drafts: Sequence[Draft], writes: Sequence[SilentWrite], error: BaseException, connection: BaseDatabaseWrapper
) -> None:
    """Record the events of a statement that the database rejected, with the error."""
    for draft in drafts:
        draft.fail(error_text(error, draft.scene.trace.gathered.secrets))
    record_undone(drafts, connection)
