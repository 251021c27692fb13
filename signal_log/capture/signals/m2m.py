"""Many-to-many changes: ``m2m_changed`` of a relation with an observed model at either end.

The sender is the through model, usually auto-created, so the event is recorded for the object whose relation changes.
Django runs each of these operations in a transaction, so the pre and post events are paired within it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from django.db import connections, models
from django.db.models.signals import ModelSignal

from signal_log import clock
from signal_log.capture.model.actual_row import unlogged
from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.plan import Plan, RelationRules
from signal_log.capture.model.registry import plan_of
from signal_log.capture.model.snapshot import json_safe
from signal_log.capture.pausing import paused
from signal_log.capture.signals.dispatch import Responses, call_receivers
from signal_log.capture.signals.recorder import close_event
from signal_log.capture.trace.call_site import call_site
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.trace import Draft, Trace, current_frame, current_trace, end_trace
from signal_log.capture.transaction.held import awaiting_post, hold
from signal_log.conf import conf
from signal_log.event import M2M_CHANGED, MASK, Changes


class Firing(NamedTuple):
    """One firing of ``m2m_changed``, from its sender and arguments."""

    through: Any
    instance: models.Model
    model: Any
    action: str
    reverse: bool
    keys: Collection[Any] | None
    using: str
    field: models.ManyToManyField[Any, Any] | None
    rules: RelationRules | None

    @property
    def name(self) -> str:
        """The name of the relation on the changing object's class."""
        if self.field is None:
            return str(self.through._meta.model_name)
        accessor: str | None = self.field.remote_field.get_accessor_name() if self.reverse else None
        return accessor or self.field.name

    @property
    def verb(self) -> str:
        """``add``, ``remove`` or ``clear``."""
        return self.action.partition("_")[2]


class ObservedM2M(ModelSignal):
    """``m2m_changed``, which records its firings for observed relations."""

    def send(self, sender: Any, **named: Any) -> Responses:
        """``Signal.send``, recorded as an event."""
        firing = None if paused.get() else _observed(sender, named)
        if firing is None:
            return super().send(sender, **named)
        plan = plan_of(type(firing.instance)) or Plan(type(firing.instance))
        draft = _open(firing, plan)
        is_lone = current_trace.get() is None
        tokens = current_trace.set(draft.trace), current_frame.set(None)
        try:
            return call_receivers(self, partial(plan.without_secrets, instance=firing.instance), sender, named, draft)
        finally:
            current_trace.reset(tokens[0])
            current_frame.reset(tokens[1])
            close_event(draft)
            if is_lone:
                end_trace(draft.trace)

    def has_listeners(self, sender: Any = None) -> bool:
        """True for observed relations: Django asks before it determines which objects are new."""
        return any(plan_of(model) is not None for model in _ends(sender)) or super().has_listeners(sender)


def _ends(through: Any) -> Iterator[type]:
    """The classes at both ends of a through model, with their subclasses, which inherit the relation."""
    if not hasattr(through, "_meta"):
        return
    pending = [field.remote_field.model for field in through._meta.fields if field.remote_field is not None]
    while pending:
        model = pending.pop()
        if isinstance(model, type):
            yield model
            pending += model.__subclasses__()


def _observed(through: Any, named: Mapping[str, Any]) -> Firing | None:
    """The firing, if either of its classes is observed; a signal sent manually may lack any argument."""
    instance, model, action = named.get("instance"), named.get("model"), named.get("action")
    if not isinstance(instance, models.Model) or not isinstance(action, str) or not hasattr(through, "_meta"):
        return None
    if plan_of(type(instance)) is None and not (isinstance(model, type) and plan_of(model) is not None):
        return None
    reverse = bool(named.get("reverse"))
    owner: Any = model if reverse else type(instance)
    field = next((f for f in owner._meta.many_to_many if f.remote_field.through is through), None)
    rules = RelationRules(field, _ends_of(through, field, reverse)[1]) if field is not None else None
    if rules is not None and rules.excluded:
        return None
    using = named.get("using") or instance._state.db or conf.DATABASE
    return Firing(through, instance, model, action, reverse, named.get("pk_set"), using, field, rules)


def _open(firing: Firing, plan: Plan) -> Draft:
    """Open the event of a firing; a post event completes the pre event of the same action on the same object."""
    is_pre = firing.action.startswith("pre_")
    pre = None if is_pre else _pre_of(firing)
    if pre is not None:
        pre.awaits_post, pre.opened_for = False, None
    trace = current_trace.get() or (pre.trace if pre is not None else Trace(default_context()))
    position = trace.next_position()
    trace.gathered.count(is_first=pre is None)
    draft = Draft(
        trace=trace,
        position=position,
        frame=current_frame.get(),
        signal=M2M_CHANGED,
        sender=plan.label,
        object_pk=plan.key(firing.instance),
        object_repr=repr_of(plan, firing.instance),
        created=None,
        raw=False,
        using=firing.using,
        update_fields=None,
        origin={"model": firing.through._meta.label, "action": firing.action, "reverse": firing.reverse},
        changes=pre.changes if pre is not None and firing.verb == "clear" else _changes(firing, plan),
        operation=pre.operation if pre is not None else position,
        call_site=call_site() if conf.CALL_SITES else "",
        occurred_at=clock.now(),
        started_ns=0,
        actor=trace.context.actor(),
        awaits_post=is_pre,
        opened_for=firing.instance if is_pre else None,
    )
    hold(draft)
    draft.started_ns = clock.perf_counter_ns()
    return draft


def _pre_of(firing: Firing) -> Draft | None:
    """The open pre event for this object, relation and verb; the innermost if there are several."""
    origin = {"model": firing.through._meta.label, "action": f"pre_{firing.verb}", "reverse": firing.reverse}
    for draft in awaiting_post(firing.using):
        if draft.opened_for is firing.instance and draft.origin == origin:
            return draft
    return None


def _changes(firing: Firing, plan: Plan) -> Changes:
    """Added keys as ``[null, keys]``, removed keys as ``[keys, null]``."""
    keys = firing.keys
    if firing.verb == "clear":
        keys = _keys_now(firing) if firing.action == "pre_clear" else None
    if keys is None:
        return {}
    rules = firing.rules
    shown: Any = [rules.shown(key) if rules is not None else key for key in _in_order(keys)]
    shown = MASK if rules is not None and rules.masked else json_safe(shown, plan.max_chars, ())
    return {firing.name: [None, shown] if firing.verb == "add" else [shown, None]}


def _in_order(keys: Collection[Any]) -> list[Any]:
    try:
        return sorted(keys)
    except TypeError:
        return sorted(keys, key=str)


def _keys_now(firing: Firing) -> Collection[Any] | None:
    """The keys that a clear is about to remove, which takes a query because the signal does not carry them."""
    if firing.field is None:
        return None
    here, there = _ends_of(firing.through, firing.field, firing.reverse)
    value = getattr(firing.instance, here.target_field.attname)
    rows = firing.through._base_manager.using(firing.using).filter(**{here.name: value})
    with unlogged(connections[firing.using]):
        return list(rows.values_list(there.attname, flat=True))


def _ends_of(through: Any, field: Any, reverse: bool) -> tuple[Any, Any]:
    """The through model's foreign keys: to the changing object, and to the related objects."""
    names = (field.m2m_field_name(), field.m2m_reverse_field_name())
    here, there = (through._meta.get_field(name) for name in (reversed(names) if reverse else names))
    return here, there
