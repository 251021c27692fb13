"""Opens the event of a model signal: as one of the operation that runs, or as one that somebody sent by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.capture.faults import faults
from signal_log.capture.model.actual_row import reader_of
from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.plan import Plan, Values
from signal_log.capture.model.row_sql import UntoldError
from signal_log.capture.model.snapshot import text_of
from signal_log.capture.operation import current_operation
from signal_log.capture.origin import origin_of
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.opening import open_event, open_scene
from signal_log.capture.transaction.recording import record
from signal_log.capture.transaction.state import is_doomed
from signal_log.event import BY_HAND, POST_DELETE, PRE_DELETE
from signal_log.interruption import let_interruption_pass

Named = Mapping[str, Any]


def event_of(signal: str, plan: Plan, named: Named) -> Draft:
    """The event of a model signal that fires now; it is stored or held already, except for a ``pre_save``."""
    operation = current_operation.get()
    draft = operation.event_of(signal, named) if operation is not None else None
    return draft if draft is not None else _sent_by_hand(signal, plan, named)


def _sent_by_hand(signal: str, plan: Plan, named: Named) -> Draft:
    """Its arguments may be anything: what Django lets pass must not end in an error of ours."""
    instance, created, only = named.get("instance"), named.get("created"), named.get("update_fields")
    using = _database(instance, named.get("using"))
    scene = open_scene(plan.label, using)
    draft = open_event(scene, signal)
    draft.created = created if isinstance(created, bool) else None
    draft.origin = {BY_HAND: True}
    try:
        scene.raw = bool(named.get("raw"))
        scene.update_fields = None if only is None else sorted(map(text_of, only))
        draft.origin = {**(origin_of(named.get("origin")) or {}), BY_HAND: True}
        if isinstance(instance, models.Model):
            draft.object_pk = plan.key(instance)
            draft.object_repr = repr_of(plan, instance)
            row, held = _row(plan, instance, connections[using]), plan.values(instance)
            if signal in (PRE_DELETE, POST_DELETE):
                draft.changes = plan.deletion({**held, **row})
            else:
                draft.changes = plan.diff(row, held, scene.update_fields)
    except BaseException as error:  # noqa: BLE001  ours or the host's own methods'
        let_interruption_pass(error)
        faults.note(draft, error)
    record((draft,), connections[using])
    return draft


def _database(instance: Any, using: Any) -> str:
    """The database that a signal is about, as far as it says."""
    state = getattr(instance, "_state", None) if isinstance(instance, models.Model) else None
    given = (using, getattr(state, "db", None))
    return next((alias for alias in given if isinstance(alias, str) and alias in connections), DEFAULT_DB_ALIAS)


def _row(plan: Plan, instance: models.Model, connection: BaseDatabaseWrapper) -> Values:
    """The row's values now, by attname; none where there is no row, or it cannot be read."""
    if instance.pk is None or connection.connection is None or connection.needs_rollback or is_doomed(connection):
        return {}
    try:
        reader = reader_of(plan, connection)
        row = reader.read(connection, instance)
    except UntoldError:
        return {}
    if row is None:
        return {}
    return {column.attname: reader.value(at, row[at], connection) for at, column in enumerate(reader.columns)}
