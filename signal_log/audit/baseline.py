"""Writes an event for each row that the log does not know wholly, so that its state is known from then on.

The rows are those of the observed models. They are read as a delete reads them: as the database tells them, cut,
converted and masked like all else, and locked for the moment of their batch, so that no change comes between a row and
its event. Each batch is a transaction and a trace of its own; what is written is not written again, so whoever is
interrupted starts again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from signal_log.audit.breaks.known import known_wholly
from signal_log.capture.faults import faults
from signal_log.capture.model.actual_row import UNTOLD, Raw, RowReader, reader_of
from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.registry import chosen_models, plan_of
from signal_log.capture.model.row_diff import row_deleted
from signal_log.capture.model.row_sql import UntoldError
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.opening import open_event, open_scene
from signal_log.capture.trace.trace import Trace, current_trace
from signal_log.capture.transaction.recording import record
from signal_log.event import BASELINE, Changes
from signal_log.interruption import let_interruption_pass

BATCH: Final = 200
"""Rows that are locked and written at once."""
LOOKED_AT: Final = 2_000
"""Keys that are looked up in the log at once."""

Model = type[models.Model]


@dataclass(slots=True)
class Progress:
    """How far one model's rows are: how many were looked at, and how many the log did not know wholly."""

    label: str
    looked_at: int = 0
    missing: int = 0


def baseline(
    models_: Sequence[Model], *, using: str | None = None, dry_run: bool = False,
    told: Callable[[Progress], None] = lambda _: None,
) -> list[Progress]:  # fmt: skip
    """Write the missing events of these models' rows, or only count them; ``told`` is called after each batch."""
    done = []
    for model in models_:
        progress = Progress(model._meta.label)
        alias = using or router.db_for_write(model)
        for missing, looked_at in _missing(model, alias):
            progress.looked_at += looked_at
            if dry_run:
                progress.missing += len(missing)
            else:
                for start in range(0, len(missing), BATCH):
                    progress.missing += _write(model, alias, missing[start : start + BATCH])
                    told(progress)
            told(progress)
        done.append(progress)
    return done


def rows_to_tell(labels: Sequence[str] = ()) -> list[Model]:
    """The observed models that have rows of their own, children before their parents, whose rows theirs include.

    With labels only those; raises ``LookupError`` with the label that names none.
    """
    found = [model for model in chosen_models() if not (model._meta.proxy or model._meta.auto_created)]
    by_label = {model._meta.label.lower(): model for model in found}
    for label in labels:
        if label.lower() not in by_label:
            raise LookupError(label)
    wanted = [by_label[label.lower()] for label in labels] if labels else found
    return sorted(dict.fromkeys(wanted), key=lambda model: (-len(model._meta.all_parents), model._meta.label))


def _missing(model: Model, alias: str) -> Iterator[tuple[list[Any], int]]:
    """The keys of the rows that the log does not know wholly, by parts, and how many rows each has looked at."""
    plan = _plan(model)
    rows = model._base_manager.using(alias).order_by("pk").only("pk")
    last = None
    while part := list((rows if last is None else rows.filter(pk__gt=last))[:LOOKED_AT]):
        last = part[-1].pk
        keys = {plan.key(row): row.pk for row in part}
        known = known_wholly(plan, list(keys))
        yield [pk for key, pk in keys.items() if key not in known], len(part)


def _write(model: Model, alias: str, missing: Sequence[Any]) -> int:
    """Write the events of these rows; fewer, if some are gone, or known by now."""
    plan, connection = _plan(model), connections[alias]
    with _trace_of_its_own(), transaction.atomic(using=alias):
        reader = _reader(plan, connection)
        if reader is not None and reader.on_sqlite:
            reader.take_write_lock(connection, deletes=True)
        instances = list(_loaded(model).using(alias).filter(pk__in=missing).order_by("pk"))
        rows = _rows(reader, connection, instances)
        known = known_wholly(plan, [plan.key(instance) for instance in instances])
        scene = open_scene(plan.label, alias)
        written = 0
        for instance, row in zip(instances, rows, strict=True):
            key = plan.key(instance)
            if row is None or key in known:
                continue
            draft = open_event(scene, BASELINE)
            draft.object_pk = key
            try:
                draft.changes, is_told = _held(plan, reader, connection, instance, row)
                draft.overwrote = [] if is_told else None
                if plan.hiding:
                    scene.trace.gathered.note_secrets(plan.secret_values(plan.values(instance)))
                draft.object_repr = repr_of(plan, instance)
            except BaseException as error:  # noqa: BLE001  ours or the host's own methods'
                let_interruption_pass(error)
                faults.note(draft, error)
            record((draft,), connection)
            written += 1
    return written


def _held(
    plan: Plan, reader: RowReader | None, connection: BaseDatabaseWrapper, instance: models.Model, row: Raw
) -> tuple[Changes, bool]:
    """What the row holds, nulls too, as ``{field: [null, value]}``, and whether the database told it."""
    values = plan.values(instance)
    if reader is None or row is UNTOLD:
        found, told = plan.judged(plan.deletion(values), values), False
    else:
        some = reader.some(row, plan.hiding)
        found, told = plan.judged(row_deleted(plan, reader, connection, row, None).changes, some), True
    return {
        column.name: [None, found[column.name][0] if column.name in found else None] for column in plan.columns
    }, told


def _loaded(model: Model) -> models.QuerySet[models.Model]:
    """The rows without their binary values, which no text of an object needs."""
    binary = [field.name for field in model._meta.concrete_fields if isinstance(field, models.BinaryField)]
    return model._base_manager.defer(*binary)


def _rows(
    reader: RowReader | None, connection: BaseDatabaseWrapper, instances: Sequence[models.Model]
) -> list[Raw | None]:
    if reader is not None:
        try:
            return reader.read_many(connection, instances)
        except UntoldError:
            faults.untold(type(instances[0])._meta.label if instances else "")
    return [UNTOLD] * len(instances)


def _reader(plan: Plan, connection: BaseDatabaseWrapper) -> RowReader | None:
    try:
        return reader_of(plan, connection)
    except (UntoldError, FieldDoesNotExist):
        return None


def _plan(model: Model) -> Plan:
    return plan_of(model) or Plan(model)


@contextmanager
def _trace_of_its_own() -> Iterator[None]:
    """A trace that nobody ends, so that nothing of it is kept: the log's events tell all of it."""
    token = current_trace.set(Trace(default_context()))
    try:
        yield
    finally:
        current_trace.reset(token)
