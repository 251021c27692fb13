"""Keys of objects of any model, as generic foreign keys and the admin's log hold them: hashed if they are secret."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from django.apps import apps
from django.db import models

TYPES: Final = "contenttypes.ContentType"


class GenericKey(NamedTuple):
    """The field that holds the key, and the one that tells of which model it is."""

    name: str
    attname: str
    type_attname: str


def generic_keys(model: type[models.Model]) -> tuple[GenericKey, ...]:
    """The generic foreign keys of a model; ``object_id`` beside a content type is one too."""
    found = {
        (key.fk_field, key.ct_field)
        for key in model._meta.private_fields
        if hasattr(key, "ct_field") and hasattr(key, "fk_field")
    }
    names = {field.name: field for field in model._meta.concrete_fields}
    if "object_id" in names and "content_type" in names:
        found.add(("object_id", "content_type"))
    return tuple(
        GenericKey(name, names[name].attname, names[of].attname)
        for name, of in sorted(found)
        if name in names and of in names and _is_type(names[of])
    )


def model_of(pk: Any) -> type[models.Model] | None:
    """The model of a content type, if this process has looked it up before; it is not asked for."""
    manager: Any = apps.get_model(TYPES)._default_manager
    for known in getattr(manager, "_cache", {}).values():
        if pk in known:
            found: type[models.Model] | None = known[pk].model_class()
            return found
    return None


def _is_type(field: models.Field[Any, Any]) -> bool:
    target = field.remote_field.model if field.remote_field is not None else None
    return isinstance(target, type) and target._meta.label == TYPES
