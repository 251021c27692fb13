"""Opens an event when an observed signal fires, and closes it when its receivers are done."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from django.db import models
from django.db.models import QuerySet

from signal_log import clock
from signal_log.capture.model import loaded
from signal_log.capture.model.actual_row import actual_row
from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.plan import Plan, Values, key_text
from signal_log.capture.model.snapshot import PLAIN, text_of, values_equal
from signal_log.capture.operation import Operation, current_operation
from signal_log.capture.trace.call_site import call_site
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.trace import Draft, Trace, current_frame, current_trace
from signal_log.capture.transaction.held import hold, settle_autocommit
from signal_log.conf import conf
from signal_log.event import POST_DELETE, POST_SAVE, PRE_DELETE, PRE_SAVE, Changes

Named = Mapping[str, Any]
_NONE: Final[Changes] = {}


def open_event(signal: str, plan: Plan, named: Named) -> Draft:
    """Open the event of a model signal that fires now, and buffer it until its transaction ends."""
    instance: models.Model = named["instance"]
    using: str = named["using"]
    operation = current_operation.get()
    trace = current_trace.get() or Trace(default_context())
    position = trace.next_position()
    update_fields = named.get("update_fields")
    pre = operation.take_pre(signal, instance) if operation is not None else None
    if pre is not None:
        pre.awaits_post = False
    trace.gathered.count(is_first=pre is None)
    draft = Draft(  # positional arguments take half the time
        trace, position, current_frame.get(), signal, plan.label, plan.key(instance), "", named.get("created"),
        bool(named.get("raw")), using, None if update_fields is None else sorted(map(text_of, update_fields)),
        _origin(named.get("origin")), _NONE, pre.operation if pre is not None else position,
        call_site() if conf.CALL_SITES else "", clock.now(), 0, trace.context.actor(),
    )  # fmt: skip
    _OPENERS[signal](draft, plan, instance, operation, pre)
    hold(draft, operation.connection if operation is not None else None)
    draft.started_ns = clock.perf_counter_ns()
    return draft


def close_event(draft: Draft) -> None:
    """Close the event after its receivers (or after one raised); outside operations and transactions, write it now."""
    draft.duration_us = (clock.perf_counter_ns() - draft.started_ns) // 1000
    if current_operation.get() is None:
        settle_autocommit(draft.using)


def _pre_save(draft: Draft, plan: Plan, instance: models.Model, operation: Operation | None, pre: Draft | None) -> None:
    old = _values_before(plan, instance, draft.using, operation)
    now = plan.values(instance)
    draft.changes = plan.diff(old, now, draft.update_fields)
    draft.object_repr = repr_of(plan, instance)
    if operation is not None and operation.instance is instance:
        draft.awaits_post = True
        operation.add_pre(draft, instance, old, now)


def _post_save(
    draft: Draft, plan: Plan, instance: models.Model, operation: Operation | None, pre: Draft | None
) -> None:
    now, only = plan.values(instance), draft.update_fields
    if operation is None or pre is None:
        draft.changes = plan.diff({}, now, None if draft.created else only)
    elif draft.created and (operation.old_values or only is not None):
        draft.changes = plan.diff({}, now)
    else:
        draft.changes = plan.rediff(operation.old_values, now, only, operation.values, pre.changes)
    unchanged = pre is not None and draft.changes is pre.changes
    draft.object_repr = pre.object_repr if pre is not None and unchanged else repr_of(plan, instance)
    before = loaded.loaded_values(instance, draft.using)
    loaded.set_values(instance._state, _values_after(plan, before, now, only))


def _pre_delete(
    draft: Draft, plan: Plan, instance: models.Model, operation: Operation | None, pre: Draft | None
) -> None:
    draft.changes = plan.deletion({**plan.values(instance), **(loaded.loaded_values(instance, draft.using) or {})})
    draft.object_repr = repr_of(plan, instance)
    if operation is not None:
        draft.awaits_post = True
        operation.add_pre(draft, instance)


def _post_delete(
    draft: Draft, plan: Plan, instance: models.Model, operation: Operation | None, pre: Draft | None
) -> None:
    draft.changes = pre.changes if pre is not None else plan.deletion(plan.values(instance))
    draft.object_repr = pre.object_repr if pre is not None else repr_of(plan, instance)


_OPENERS: Final = {
    PRE_SAVE: _pre_save,
    POST_SAVE: _post_save,
    PRE_DELETE: _pre_delete,
    POST_DELETE: _post_delete,
}


def _values_after(plan: Plan, before: Values | None, now: Values, only: Collection[str] | None) -> Values:
    """The row's known values after the save, without fields that were set to an expression."""
    written = now
    if only is not None:
        saved = [c.attname for c in plan.columns if c.name in only or c.attname in only]
        written = {name: now[name] for name in saved if name in now}
    if not PLAIN.issuperset(map(type, written.values())):
        unknown = {name for name, value in written.items() if hasattr(value, "resolve_expression")}
        written = {name: value for name, value in written.items() if name not in unknown}
        before = {name: value for name, value in (before or {}).items() if name not in unknown}
    written = plan.frozen(written)
    return written if before is None or len(written) == len(plan.columns) else {**before, **written}


def _values_before(plan: Plan, instance: models.Model, using: str, operation: Operation | None) -> Values:
    """The row's values before a save; queries only if it may be an existing row that was not loaded."""
    if instance.pk is None or (operation is not None and operation.force_insert):
        return {}
    known = loaded.loaded_values(instance, using)
    if known is not None and all(
        values_equal(known.get(name), instance.__dict__.get(name)) for name in plan.key_attnames
    ):
        return known
    if operation is not None and operation.may_insert and instance._state.adding and _generates_keys(plan.model):
        return {}  # Django treats this as an INSERT too
    return actual_row(plan, instance.pk, using)


def _generates_keys(model: type[models.Model]) -> bool:
    """Whether new instances get a default key, own or inherited, so that Django does not try an UPDATE first."""
    return all(_generates_key(field) for field in model._meta.pk_fields)


def _generates_key(field: Any) -> bool:
    while field.remote_field is not None and getattr(field.remote_field, "parent_link", False):
        field = field.target_field
    return bool(field.has_default() or field.has_db_default())


def _origin(origin: Any) -> dict[str, Any] | None:
    """Where a delete began; of a QuerySet only its model is used, because even its repr runs SQL."""
    if origin is None:
        return None
    if isinstance(origin, QuerySet):
        return {"queryset": origin.model._meta.label}
    if isinstance(origin, models.Model):
        return {"model": origin._meta.label, "pk": key_text(origin)}
    return {"model": text_of(type(origin).__name__), "pk": ""}
