"""Which fields of a model are left out of the log or masked, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from signal_log.capture.model.name_pattern import fits
from signal_log.capture.model.secret_names import SecretNames, says_what_is_held
from signal_log.capture.model.stored_form import is_encrypted
from signal_log.conf import conf

SESSION_DATA: Final = "session_data"
"""Always masked: whoever has it is logged in."""


def is_excluded(field: models.Field[Any, Any], model: type[models.Model]) -> bool:
    """Whether ``EXCLUDE_FIELDS`` leaves a field of this model out of the log."""
    return is_listed(field.name, model, conf.EXCLUDE_FIELDS)


def is_masked(field: models.Field[Any, Any], model: type[models.Model]) -> bool:
    """Whether a field of this model is secret."""
    return bool(why_masked(field, model))


def why_masked(field: models.Field[Any, Any], model: type[models.Model], *, depth: int = 5) -> str:
    """Why a field of this model is secret, for ``signal_log_masks``; empty if it is not."""
    if field.name == SESSION_DATA:
        return "it holds a session"
    if is_listed(field.name, model, conf.MASK_FIELDS):
        return "MASK_FIELDS"
    if is_unmasked(field, model):
        return ""
    if field.remote_field is not None:  # a number, or whatever key it references
        return next(
            (
                f"it references {key.model._meta.label}.{key.name}"
                for key, target in _referenced(field)
                if depth and why_masked(key, target, depth=depth - 1)
            ),
            "",
        )
    if is_encrypted(field):
        return f"{type(field).__name__} encrypts it"
    if getattr(field, "generated", False):  # the database computes it
        for name in _named_in(getattr(field, "expression", None)):
            if (other := _field_named(name, model)) is not None and depth and why_masked(other, model, depth=depth - 1):
                return f"it is computed from {other.name}"
    entry = secret_names().reason(field.name) or secret_names().reason(field.db_column or "")
    if entry and not says_what_is_held(field.name, [each.name for each in model._meta.concrete_fields]):
        return f'its name ("{entry}")'
    return ""


def is_unmasked(field: models.Field[Any, Any], model: type[models.Model]) -> bool:
    """Whether ``UNMASK_FIELDS`` states that the field hides nothing, whatever its name or its class suggests."""
    return is_listed(field.name, model, conf.UNMASK_FIELDS)


def secret_names() -> SecretNames:
    """The names that are secret in this project: of fields on every model, in JSON, in arguments and in paths."""
    return _names(tuple(conf.MASK_FIELDS.get("*", ())), tuple(conf.UNMASK_FIELDS.get("*", ())))


_names: Final = lru_cache(maxsize=8)(SecretNames)


def _named_in(expression: Any) -> Iterator[str]:
    """The fields that an expression, or a condition, is made of."""
    if isinstance(expression, models.F):
        yield str(getattr(expression, "name", "")).partition("__")[0]
    elif isinstance(expression, models.Q):
        for child in expression.children:
            if isinstance(child, tuple):
                yield str(child[0]).partition("__")[0]
                yield from _named_in(child[1])
            else:
                yield from _named_in(child)
    elif hasattr(expression, "get_source_expressions"):
        for inner in expression.get_source_expressions():
            yield from _named_in(inner)


def _field_named(name: str, model: type[models.Model]) -> models.Field[Any, Any] | None:
    return next((field for field in model._meta.local_concrete_fields if name in (field.name, field.attname)), None)


def _referenced(field: models.Field[Any, Any]) -> Iterable[tuple[models.Field[Any, Any], type[models.Model]]]:
    """The fields that a relation's column holds the values of, with their model."""
    remote: Any = field.remote_field
    target = remote.model
    if not isinstance(target, type):  # while the class is being built, it may be a lazy reference
        return ()
    if name := getattr(remote, "field_name", None):
        try:
            return ((target._meta.get_field(name), target),)  # type: ignore[attr-defined]
        except FieldDoesNotExist:
            pass
    return ((key, target) for key in key_fields(target))


def key_fields(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """The fields of a model's key: several for a composite key, none for a class that has no key yet.

    ``_meta.pk_fields`` must not be read while the class is being built: Django caches the answer, or has none.
    """
    pk: Any = model._meta.pk
    if pk is None:
        return []
    names: Collection[str] | None = getattr(pk, "field_names", None)
    if names is None:
        return [pk]
    return [field for name in names for field in model._meta.concrete_fields if name in (field.name, field.attname)]


def is_listed(name: str, model: type[models.Model], given: Mapping[str, Collection[str]]) -> bool:
    """Whether a setting names the field, for the model, its concrete model or parents, or for ``"*"``."""
    if not given:
        return False
    labels = {parent._meta.label.lower() for parent in model.__mro__ if hasattr(parent, "_meta")} | {"*"}
    return any(fits(name, one) for label, names in given.items() if label.lower() in labels for one in names)
