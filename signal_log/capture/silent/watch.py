"""Detects silent writes: an INSERT, UPDATE or DELETE on an observed table that sends no signal becomes an event.

Every statement passes through one execute wrapper on its connection (Django's own hook). It lets reads through
immediately, as well as the *expected writes* announced by a save, a delete, a flush or the schema editor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, NamedTuple

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from signal_log.capture.deleting import Delete
from signal_log.capture.model import registry
from signal_log.capture.model.plan import Plan
from signal_log.capture.operation import current_operation
from signal_log.capture.pausing import paused
from signal_log.capture.row_statement import expected_write, expecting
from signal_log.capture.silent.bulk import Bulk
from signal_log.capture.silent.driver_call import DriverCall
from signal_log.capture.silent.event import SilentWrite, close_draft, hold_failed, open_draft, rows_of
from signal_log.capture.silent.statements import table_name, writes_in
from signal_log.capture.sink import sink
from signal_log.capture.trace.call_site import call_site
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.gathered import in_use
from signal_log.capture.trace.trace import current_frame, current_trace, ensure_trace
from signal_log.capture.transaction import by_sql
from signal_log.capture.transaction.held import HELD
from signal_log.capture.transaction.recording import record
from signal_log.capture.transaction.state import may_begin
from signal_log.conf import conf
from signal_log.errors import SilentWriteRefused
from signal_log.event import MIGRATION

TRANSACTION: Final = ("BEGIN", "SAVEPOINT ", "RELEASE ", "ROLLBACK ")
READS: Final = ("SELECT ", "BEGIN", "SAVEPOINT ", "RELEASE ")
# Sources in which Django itself writes in bulk (permissions, content types), perhaps before the log's table exists.
MIGRATING: Final = frozenset({MIGRATION, "command:flush"})

_compiling: ContextVar[Compiled | None] = ContextVar("signal_log_compiling", default=None)
_tables: Final[dict[str, Plan]] = {}
_log_seen: Final[list[bool]] = []


class Compiled(NamedTuple):
    """A running ORM write: its verb, its model, and Django's query with its values."""

    verb: str
    plan: Plan
    quoted: str
    query: Any


def watch_connections() -> None:
    """Install the execute wrapper on every connection, and collect the observed tables."""
    for model in registry.chosen_models():
        plan = registry.plan_of(model)
        if plan is not None and not model._meta.proxy and _is_recorded(model):
            _tables[table_name(model._meta.db_table)] = plan
    connection_created.connect(_install, dispatch_uid="signal_log.silent")
    for connection in connections.all(initialized_only=True):
        _install(connection)


def unwatch_connections() -> None:
    """Undo ``watch_connections``."""
    _tables.clear()
    _log_seen.clear()
    connection_created.disconnect(dispatch_uid="signal_log.silent")
    for connection in connections.all(initialized_only=True):
        if watch in connection.execute_wrappers:
            connection.execute_wrappers.remove(watch)


def _install(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if watch not in connection.execute_wrappers:
        # At the front, because Django's execute_wrapper() pops its own from the end.
        connection.execute_wrappers.insert(0, watch)


def quoted(model: type[models.Model]) -> str:
    """The model's table name as quoted in ORM statements."""
    name = model._meta.db_table
    return name if name.startswith('"') else f'"{name}"'


def _is_recorded(model: type[models.Model]) -> bool:
    """Whether writes to the model are recorded: auto-created through models are covered by ``m2m_changed``."""
    return not model._meta.auto_created or model._meta.label_lower in {label.lower() for label in conf.MODELS}


def compiled(verb: str, original: Any) -> Any:
    """Wrap a write compiler's ``execute_sql``, to identify its statement."""

    def execute_sql(self: Any, *args: Any, **kwargs: Any) -> Any:
        model = self.query.model
        table = quoted(model)
        if expected_write.get() in ("", table):
            return original(self, *args, **kwargs)
        plan = registry.plan_of(model) or _tables.get(table_name(model._meta.db_table))
        if plan is None or not _is_recorded(model):
            return expecting(table, original, self, *args, **kwargs)
        bulk = Bulk(verb, plan, self)
        if bulk.applies and not paused.get():
            return expecting(table, bulk.run, original, *args, **kwargs)
        outer = _compiling.get(), expected_write.get()
        try:  # twice, for an interruption may come at the end of the first, too
            try:
                _compiling.set(Compiled(verb, plan, table, self.query))
                expected_write.set(None)  # this may be inside a save of another model
                with ensure_trace(default_context):
                    return original(self, *args, **kwargs)
            finally:
                _compiling.set(outer[0])
                expected_write.set(outer[1])
        finally:
            _compiling.set(outer[0])
            expected_write.set(outer[1])

    return execute_sql


def watch(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """The execute wrapper; a read costs two comparisons."""
    frame = current_frame.get()
    if frame is not None and not (type(sql) is str and sql.startswith(TRANSACTION)):
        frame.queries += 1
    if in_use[0] and not (type(sql) is str and sql.startswith(TRANSACTION)):
        trace = current_trace.get()
        if trace is not None and (deeper := trace.gathered.deeper) is not None and deeper.is_on():
            execute = partial(deeper.run, frame, execute)
    connection = context["connection"]
    if HELD in connection.__dict__:
        return by_sql.run_beside(connection, str(sql), partial(_watched, execute, sql, params, many, context))
    return _watched(execute, sql, params, many, context)


def _watched(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    if type(sql) is str and sql.startswith(READS) and ";" not in sql and not sql.startswith(by_sql.SETTING):
        return execute(sql, params, many, context)
    text = sql if type(sql) is str else _text(sql, context)
    if by_sql.may_change_rights(text):
        by_sql.rights_changed(context["connection"])
    known = expected_write.get()
    if (known is not None and known in text) or conf.SILENT_WRITES == "off" or paused.get():
        return execute(sql, params, many, context)
    writes = _silent_writes(text)
    if not writes:
        return execute(sql, params, many, context)
    refused = conf.SILENT_WRITES == "raise"
    if _is_migrating():
        if not _has_log():
            return execute(sql, params, many, context)
        refused = False
    if refused and not _in_delete(context["connection"]):
        raise _refusal(writes[0])
    with ensure_trace(default_context):
        return _recorded(execute, sql, params, many, context, text, writes, refused=refused)


def _recorded(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any], text: str,
    writes: Sequence[SilentWrite], *, refused: bool,
) -> Any:  # fmt: skip
    """Run the statement and record its events; a statement that changed no row is not recorded.

    In autocommit both happen in one transaction of ours, where the statement is one that can be in one.
    """
    connection = context["connection"]

    def prepare() -> list[Draft]:
        return [open_draft(write, connection, text) for write in writes]

    def close(drafts: Sequence[Draft]) -> list[Draft]:
        return _changed(drafts, writes, context, text)

    if may_begin(connection) and not many and ";" not in text and "RETURNING" not in text.upper():
        call = DriverCall(context, sql, text, prepare, close)
        with call.installed():
            return _at_driver(call, writes, connection, partial(execute, sql, params, many, context))
    drafts = prepare()
    try:
        result = execute(sql, params, many, context)
        changed = close(drafts)
    except BaseException as error:
        _fail(drafts, writes, error, connection)
        raise
    if changed and refused:
        connection.set_rollback(True)
        raise _refusal(writes[0])
    if changed:
        record(changed, connection)
    return result


def _at_driver(
    call: DriverCall, writes: Sequence[SilentWrite], connection: BaseDatabaseWrapper, run: Callable[[], Any]
) -> Any:
    """Run the statement through the host's wrappers, which may make of it, or of its error, what they like."""
    try:
        result = run()
    except BaseException as error:
        if not call.is_recorded:
            _fail(call.drafts, writes, error, connection)
        raise
    if call.error is not None:
        _fail(call.drafts, writes, call.error, connection)
    elif not call.is_recorded and (changed := call.close()):  # it ran in other words
        record(changed, connection)
    return result


def _changed(drafts: Sequence[Draft], writes: Sequence[SilentWrite], context: dict[str, Any], text: str) -> list[Draft]:
    """Close the events of a statement that has run, and return those of them that changed a row."""
    changed = []
    for draft, write in zip(drafts, writes, strict=True):
        close_draft(draft, rows_of(write, context, text))
        if draft.origin and draft.origin["rows"] != 0:
            changed.append(draft)
        else:
            draft.withdraw()
    return changed


def _fail(
    drafts: Sequence[Draft], writes: Sequence[SilentWrite], error: BaseException, connection: BaseDatabaseWrapper
) -> None:
    for draft in drafts:
        close_draft(draft, 0)
    hold_failed(drafts, writes, error, connection)


def _in_delete(connection: BaseDatabaseWrapper) -> bool:
    """Whether this is within ``Collector.delete``, which sets children to null whether or not there are any.

    There, a write is refused after it has run and changed rows; the delete's own transaction rolls it back.
    """
    operation = current_operation.get()
    return isinstance(operation, Delete) and connection.in_atomic_block


def _silent_writes(text: str) -> Sequence[SilentWrite]:
    """The writes of a statement to observed tables: known for ORM statements, parsed from other SQL."""
    hint = _compiling.get()
    if hint is not None and hint.quoted in text[:200]:
        return (SilentWrite(hint.verb, hint.plan, True, hint.query),)
    lower = text.lower()
    if not any(table in lower for table in _tables):
        return ()
    found = [(write, _tables[write.table]) for write in writes_in(text) if write.table in _tables]
    return [SilentWrite(write.verb, plan, write.counted) for write, plan in found]


def _refusal(write: SilentWrite) -> SilentWriteRefused:
    return SilentWriteRefused(
        f"This {write.verb} of {write.plan.label} rows would send no signals, so the change would not be audited "
        f'(SIGNAL_LOG["SILENT_WRITES"] = "raise"). Called from {call_site() or "a library"}. Run it inside '
        "signal_log.observed_bulk(), which records it row by row; or save or delete the objects one by one; or set "
        'SILENT_WRITES = "record" to record each such statement as one event.'
    )


def _is_migrating() -> bool:
    trace = current_trace.get()
    return (trace.context if trace is not None else default_context()).source in MIGRATING


def _has_log() -> bool:
    """Whether the log's table exists yet; checked only during migrations, until it does."""
    if not _log_seen and expecting("", sink().has_table):
        _log_seen.append(True)
    return bool(_log_seen)


def _text(sql: Any, context: dict[str, Any]) -> str:
    """The text of a statement that is not a plain string: bytes, or one composed by psycopg."""
    if isinstance(sql, bytes):
        return sql.decode("utf-8", "replace")
    composed = getattr(sql, "as_string", None)
    return str(composed(context["cursor"].cursor) if composed is not None else sql)
