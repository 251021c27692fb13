"""Which relation a firing of ``m2m_changed`` is about, and which keys its through rows hold.

Django's signal names the through model and the direction. Two relations may share a through model, and an entry of
``_meta.many_to_many`` need not be a ``ManyToManyField``: a tagging library's manager has a generic foreign key in its
through rows. So nothing here is assumed of a field but its name.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from signal_log.capture.model.keys import RelationRules

MAX_FRAMES: Final = 60
"""How far up the stack to look for the manager whose method sent the signal."""


class Relation(NamedTuple):
    """A relation as seen from the object that changes: its name there, and how its through rows are found."""

    name: str
    rules: RelationRules
    through: Any
    rows: Mapping[str, Any] | None
    """The condition that selects the object's through rows; None if it is unknown."""
    there: Any
    """The through model's foreign key to the related objects; None if it is unknown."""

    @classmethod
    def not_understood(cls, through: Any) -> Relation:
        """A relation of which no more is known than its through model, so that its keys may be secret."""
        rules = RelationRules((), None, None)
        rules.masked = True
        return cls(str(through._meta.model_name), rules, through, None, None)

    def keys_now(self, using: str) -> list[Any] | None:
        """The keys of the related objects at this moment, by one query; None if they cannot be known."""
        if self.rows is None or self.there is None:
            return None
        found = self.through._base_manager.using(using).filter(**self.rows, **{f"{self.there.name}__isnull": False})
        return list(found.values_list(self.there.attname, flat=True))


def relation_of(through: Any, instance: models.Model, model: Any, *, reverse: bool) -> Relation:
    """The relation that a firing with these arguments is about."""
    owner = model if reverse else type(instance)
    fields = [field for field in _relations(owner) if _through(field) is through]
    if len(fields) > 1:
        fields = _of_the_sending_manager(fields, through, instance, reverse=reverse) or fields
    field = fields[0] if len(fields) == 1 else None
    here, there = _ends(through, field, type(instance), model, reverse=reverse)
    return Relation(
        name=str(through._meta.model_name) if field is None else _name(field, reverse=reverse),
        rules=RelationRules(fields, there, model),
        through=through,
        rows=_rows(through, here, instance) if field is not None or not fields else None,
        there=there,
    )


def _relations(owner: Any) -> Sequence[Any]:
    options = getattr(owner, "_meta", None)
    return () if options is None else options.many_to_many


def _through(field: Any) -> Any:
    return getattr(getattr(field, "remote_field", None), "through", None)


def _name(field: Any, *, reverse: bool) -> str:
    """The relation's name on the changing object's class."""
    accessor = getattr(field.remote_field, "get_accessor_name", None) if reverse else None
    return str((accessor() if accessor is not None else None) or field.name)


def _of_the_sending_manager(fields: list[Any], through: Any, instance: models.Model, *, reverse: bool) -> list[Any]:
    """Those of several relations through one model that the manager being called belongs to.

    Nothing in the signal tells them apart, so the manager is looked for among the callers.
    """
    manager = _sending_manager(through, instance)
    if manager is None:
        return []
    sides = ["m2m_field_name", "m2m_reverse_field_name"]
    ends = (manager.get("source_field_name"), manager.get("target_field_name"))
    fitting = [f for f in fields if ends == tuple(_asked(f, side) for side in (sides[::-1] if reverse else sides))]
    if len(fitting) == 1:
        return fitting
    named = [f for f in fields if manager.get("prefetch_cache_name") in (f.name, _name(f, reverse=reverse))]
    return named if len(named) == 1 else []


def _sending_manager(through: Any, instance: models.Model) -> Mapping[str, Any] | None:
    """The attributes of the innermost object among the callers that manages these through rows of the instance."""
    frame = sys._getframe(1)
    for _ in range(MAX_FRAMES):
        found = frame.f_back
        if found is None:
            return None
        frame = found
        if frame.f_code.co_argcount and frame.f_code.co_varnames[0] == "self":
            try:
                held: Mapping[str, Any] = object.__getattribute__(frame.f_locals.get("self"), "__dict__")
            except AttributeError:
                continue
            if held.get("through") is through and held.get("instance") is instance:
                return held
    return None


def _ends(through: Any, field: Any, here: Any, there: Any, *, reverse: bool) -> tuple[Any, Any]:
    """The through model's foreign keys: to the changing object, and to the related objects."""
    sides = ["m2m_field_name", "m2m_reverse_field_name"]
    names = [_asked(field, side) for side in (sides[::-1] if reverse else sides)]
    return _foreign_key(through, names[0], here), _foreign_key(through, names[1], there)


def _asked(field: Any, method: str) -> Any:
    """What the field answers to one of ``ManyToManyField``'s questions; None if it does not know the question."""
    question = getattr(field, method, None)
    return question() if callable(question) else None


def _foreign_key(through: Any, name: Any, model: Any) -> Any:
    """The foreign key of this name, or the only one to the model."""
    try:
        return through._meta.get_field(name)
    except FieldDoesNotExist:
        keys = [key for key in through._meta.concrete_fields if _refers_to(key, model)]
        return keys[0] if len(keys) == 1 else None


def _refers_to(key: Any, model: Any) -> bool:
    target = key.remote_field.model if key.remote_field is not None else None
    return isinstance(target, type) and isinstance(model, type) and issubclass(model, target)


def _rows(through: Any, here: Any, instance: models.Model) -> dict[str, Any] | None:
    """The condition for the object's through rows, by a foreign key or by a generic one."""
    if here is not None:
        return {here.name: getattr(instance, here.target_field.attname)}
    generic = [key for key in through._meta.private_fields if hasattr(key, "ct_field") and hasattr(key, "fk_field")]
    if len(generic) != 1:
        return None
    key = generic[0]
    options = instance._meta
    if getattr(key, "for_concrete_model", True) and options.concrete_model is not None:
        options = options.concrete_model._meta
    # By the type's name: asking for a ContentType could create it, and would fill the host's cache.
    return {
        f"{key.ct_field}__app_label": options.app_label,
        f"{key.ct_field}__model": options.model_name,
        key.fk_field: instance.pk,
    }
