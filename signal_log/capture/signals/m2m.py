"""Many-to-many changes: ``m2m_changed`` of a relation with an observed model at either end.

The sender is the through model, usually auto-created, so the event is recorded for the object whose relation changes.
Django runs each of its operations in a transaction; a library's manager may not, and its events are paired as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from django.db import connections, models
from django.db.models.base import ModelState
from django.db.models.signals import ModelSignal

from signal_log.capture.faults import faults
from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.registry import plan_of
from signal_log.capture.model.snapshot import json_safe
from signal_log.capture.model.unlogged import unlogged
from signal_log.capture.pausing import paused
from signal_log.capture.signals.dispatch import Responses, call_receivers
from signal_log.capture.signals.relation import Relation, relation_of
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.opening import open_event, open_scene
from signal_log.capture.trace.trace import current_frame, current_trace, end_trace
from signal_log.capture.transaction.recording import record
from signal_log.conf import conf
from signal_log.event import COMMITTED, M2M_CHANGED, MASK, Changes
from signal_log.interruption import let_interruption_pass

MAX_OPEN: Final = 20
"""How many pre events without a post event are kept for one instance."""

_open_pres: Final[WeakKeyDictionary[ModelState, list[Draft]]] = WeakKeyDictionary()
"""The pre events that still await their post event, by the ``_state`` of the instance whose relation changes."""


class Firing(NamedTuple):
    """One firing of ``m2m_changed``, from its sender and arguments."""

    through: Any
    instance: models.Model
    action: str
    reverse: bool
    keys: Collection[Any] | None
    using: str
    relation: Relation

    @property
    def verb(self) -> str:
        """``add``, ``remove`` or ``clear``."""
        return self.action.partition("_")[2]

    def completes(self, pre: Draft) -> bool:
        """Whether it is the post signal of this pre event: the same verb on the same relation."""
        return pre.origin == self.origin(f"pre_{self.verb}") and (not pre.changes or self.relation.name in pre.changes)

    def origin(self, action: str) -> dict[str, Any]:
        """The event's ``origin`` for this action."""
        return {"model": self.through._meta.label, "action": action, "reverse": self.reverse}


class ObservedM2M(ModelSignal):
    """``m2m_changed``, which records its firings for observed relations."""

    def send(self, sender: Any, **named: Any) -> Responses:
        """``Signal.send``, recorded as an event."""
        if paused.get() or not _is_observed(sender, named):
            return super().send(sender, **named)
        instance: models.Model = named["instance"]
        firing, fault = _firing(sender, named)
        if firing.relation.rules.excluded:
            return super().send(sender, **named)
        plan = plan_of(type(instance)) or Plan(type(instance))
        draft = _open(firing, plan)
        if fault is not None:
            faults.note(draft, fault)
        record((draft,), connections[firing.using])
        is_lone = current_trace.get() is None
        tokens = current_trace.set(draft.scene.trace), current_frame.set(None)
        try:
            return call_receivers(self, partial(plan.without_secrets, instance=instance), sender, named, draft)
        finally:
            current_trace.reset(tokens[0])
            current_frame.reset(tokens[1])
            if is_lone:
                end_trace(draft.scene.trace)

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


def _is_observed(through: Any, named: Mapping[str, Any]) -> bool:
    """Whether either of the firing's classes is observed; a signal sent manually may lack any argument."""
    instance, model, action = named.get("instance"), named.get("model"), named.get("action")
    if not isinstance(instance, models.Model) or not isinstance(action, str) or not hasattr(through, "_meta"):
        return False
    return plan_of(type(instance)) is not None or (isinstance(model, type) and plan_of(model) is not None)


def _firing(through: Any, named: Mapping[str, Any]) -> tuple[Firing, BaseException | None]:
    """The firing; where its relation cannot be understood, with the error, and without any keys."""
    instance, reverse, fault = named["instance"], bool(named.get("reverse")), None
    try:
        relation = relation_of(through, instance, named.get("model"), reverse=reverse)
    except BaseException as error:  # noqa: BLE001  a library's classes may lack what Django's have
        let_interruption_pass(error)
        relation, fault = Relation.not_understood(through), error
    using = named.get("using") or instance._state.db or conf.DATABASE
    return Firing(through, instance, named["action"], reverse, named.get("pk_set"), using, relation), fault


def _open(firing: Firing, plan: Plan) -> Draft:
    """Open the event of a firing; a post event completes the pre event of the same action on the same object."""
    is_pre = firing.action.startswith("pre_")
    pre = None if is_pre else _pre_of(firing)
    if pre is not None:
        pre.awaits_post = False
    scene = pre.scene if pre is not None else open_scene(plan.label, firing.using)
    draft = open_event(scene, M2M_CHANGED, pre.operation if pre is not None else None)
    draft.origin, draft.awaits_post = firing.origin(firing.action), is_pre
    try:
        draft.object_pk = plan.key(firing.instance)
        draft.object_repr = repr_of(plan, firing.instance)
        draft.changes = pre.changes if pre is not None and firing.verb == "clear" else _changes(firing, plan)
    except BaseException as error:  # noqa: BLE001  ours or the host's own methods'
        let_interruption_pass(error)
        faults.note(draft, error)
    if is_pre:
        _open_pres.setdefault(firing.instance._state, []).append(draft)
    return draft


def _pre_of(firing: Firing) -> Draft | None:
    """The open pre event for this object, relation and verb; the innermost if there are several."""
    pres = _open_pres.get(firing.instance._state, [])
    pres[:] = [pre for pre in pres if pre.outcome in (None, COMMITTED)][-MAX_OPEN:]
    found = next((pre for pre in reversed(pres) if pre.using == firing.using and firing.completes(pre)), None)
    if found is not None:
        pres.remove(found)
    return found


def _changes(firing: Firing, plan: Plan) -> Changes:
    """Added keys as ``[null, keys]``, removed keys as ``[keys, null]``."""
    relation, keys = firing.relation, firing.keys
    if firing.verb == "clear":
        keys = _keys_now(firing) if firing.action == "pre_clear" else None
    if keys is None:
        return {}
    shown: Any = [relation.rules.shown(key) for key in _in_order(keys)]
    shown = MASK if relation.rules.masked else json_safe(shown, plan.max_chars, ())
    return {relation.name: [None, shown] if firing.verb == "add" else [shown, None]}


def _in_order(keys: Collection[Any]) -> list[Any]:
    try:
        return sorted(keys)
    except TypeError:
        return sorted(keys, key=str)


def _keys_now(firing: Firing) -> Collection[Any] | None:
    """The keys that a clear is about to remove, which takes a query because the signal does not carry them."""
    with unlogged(connections[firing.using]):
        return firing.relation.keys_now(firing.using)
