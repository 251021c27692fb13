"""The event of a silent write: its statement, the number of rows changed and the values set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.constants import OnConflict

from signal_log import clock
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.snapshot import clean, error_text, mask_secrets
from signal_log.capture.operation import current_operation
from signal_log.capture.silent.statements import INSERT, UPDATE, without_values
from signal_log.capture.silent.update_values import assigned
from signal_log.capture.trace.call_site import call_site
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.trace import Draft, Trace, current_frame, current_trace
from signal_log.capture.transaction.held import Held, held_on, settle, settle_undone
from signal_log.capture.transaction.state import in_transaction
from signal_log.conf import conf
from signal_log.event import FAILED


class SilentWrite(NamedTuple):
    """One silent write: its verb, its model, and the ORM query if there is one."""

    verb: str
    plan: Plan
    counted: bool
    query: Any = None


def open_draft(write: SilentWrite, connection: BaseDatabaseWrapper, text: str) -> Draft:
    """Open the event of a silent write that is about to run."""
    trace = current_trace.get() or Trace(default_context())
    position = trace.next_position()
    query = write.query
    return Draft(
        trace=trace,
        position=position,
        frame=current_frame.get(),
        signal=f"silent_{write.verb}",
        sender=write.plan.label,
        object_pk="",
        object_repr="",
        created=None,
        raw=False,
        using=connection.alias,
        update_fields=None,
        origin={"model": write.plan.label, "rows": None, "statement": clean(without_values(text))},
        changes=assigned(write.plan, query.values) if write.verb == UPDATE and query is not None else {},
        operation=position,
        call_site=call_site() if conf.CALL_SITES else "",
        occurred_at=clock.now(),
        started_ns=clock.perf_counter_ns(),
        actor=trace.context.actor(),
    )


def close_draft(draft: Draft, rows: int | None) -> None:
    """Close the event after its statement has run, on this many rows (None: unknown)."""
    draft.duration_us = (clock.perf_counter_ns() - draft.started_ns) // 1000
    draft.object_repr = "rows" if rows is None else "1 row" if rows == 1 else f"{rows} rows"
    if draft.origin is not None:
        draft.origin["rows"] = rows


def rows_of(write: SilentWrite, context: dict[str, Any], text: str) -> int | None:
    """How many rows the statement changed; None if unknown."""
    if write.verb == INSERT and write.query is not None and write.query.on_conflict != OnConflict.IGNORE:
        return len(write.query.objs)
    if context["connection"].vendor == "sqlite" and "RETURNING" in text.upper():
        return None  # SQLite counts when the last row is fetched
    if not write.counted:
        return None
    count: int = context["cursor"].rowcount
    if count < 0 and context["connection"].vendor == "sqlite":  # sqlite3 decides by the statement's first word
        count = context["connection"].connection.execute("SELECT changes()").fetchone()[0]
    return count if count >= 0 else None


def secrets_of(write: SilentWrite) -> list[Any]:
    """The statement's values for masked fields, which an error message may quote."""
    masked = write.plan.masked
    given = getattr(write.query, "values", ()) or ()
    return [value for field, _, value in given if field.attname in masked]


def hold_written(drafts: Sequence[Draft], connection: BaseDatabaseWrapper) -> None:
    """Buffer the events of a statement that succeeded."""
    held = held_on(connection)
    for draft in drafts:
        draft.trace.gathered.count(is_first=True, is_silent=True)
        held.add(draft)
    _settle(held)


def hold_failed(
    drafts: Sequence[Draft], writes: Sequence[SilentWrite], error: BaseException, connection: BaseDatabaseWrapper
) -> None:
    """Buffer the events of a statement that the database rejected, with the error."""
    for draft, write in zip(drafts, writes, strict=True):
        draft.outcome = FAILED
        draft.trace.gathered.count(is_first=True, is_silent=True)
        draft.trace.gathered.failed += 1
        draft.error = mask_secrets(error_text(error), secrets_of(write))
    held = held_on(connection)
    held.drafts += drafts  # not add(): it may write, and this transaction may be broken
    held.unwritten += len(drafts)
    _settle(held, failed=True)


def _settle(held: Held, *, failed: bool = False) -> None:
    """In autocommit the statement is already committed, so write its events now; else the transaction decides."""
    if in_transaction(held.connection) or current_operation.get() is not None:
        return
    if failed:
        settle_undone(held.end(), held.connection)
        return
    try:
        held.write(final=True)
    finally:
        drafts = held.end()
    settle(drafts)
