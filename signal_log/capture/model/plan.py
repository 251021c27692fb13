"""Precomputed facts about an observed model: its columns, masked fields, key and label."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson
from django.db import models
from django.db.models.expressions import DatabaseDefault
from django.db.models.fields.files import FieldFile

from signal_log.capture.model.snapshot import (
    PLAIN,
    clean_truncated,
    is_secret_name,
    json_safe,
    mask_secrets,
    text_of,
    values_equal,
)
from signal_log.capture.model.stored_form import is_encrypted
from signal_log.conf import SECRET_NAMES, conf
from signal_log.event import MASK, UNKNOWN, Changes

# Values of these fields are immutable, so loaded ones need not be copied.
IMMUTABLE: Final = (
    models.AutoField, models.BooleanField, models.CharField, models.DateField, models.DecimalField,
    models.DurationField, models.FloatField, models.ForeignKey, models.GenericIPAddressField, models.IntegerField,
    models.TextField, models.TimeField, models.UUIDField,
)  # fmt: skip

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """What the recorder needs to know about a field."""

    attname: str
    name: str
    field: models.Field[Any, Any]
    masked: bool
    mutable: bool
    generated: bool
    cut_above: int | None
    """The length above which a text or binary value is cut in the database, for the log keeps no more of it."""


class Plan:
    """The plan of an observed model class: built once, used for every signal."""

    __slots__ = (
        "attnames",
        "auto_now",
        "by_attname",
        "columns",
        "key_attname",
        "key_attnames",
        "label",
        "masked",
        "max_chars",
        "model",
        "mutable",
        "readers",
        "returned",
        "secret_key",
        "secrets",
    )  # fmt: skip

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.readers: dict[Any, Any] = {}
        """What reads the model's rows, by database; see ``actual_row.reader_of``."""
        self.label = model._meta.label
        self.max_chars: int = conf.MAX_VALUE_CHARS
        self.secrets = secret_names()
        self.columns = tuple(
            Column(
                attname=field.attname,
                name=field.name,
                field=field,
                masked=is_masked(field, model, self.secrets),
                mutable=not _is_immutable(field),
                generated=field.generated,
                cut_above=_cut_above(field, self.max_chars),
            )
            for field in model._meta.concrete_fields
            if not is_excluded(field, model)
        )
        self.by_attname = {column.attname: column for column in self.columns}
        self.attnames = tuple(self.by_attname)
        self.key_attnames = tuple(field.attname for field in key_fields(model))
        self.secret_key = any(c.masked for c in self.columns if c.attname in self.key_attnames)
        self.key_attname = self.key_attnames[0] if len(self.key_attnames) == 1 and not self.secret_key else None
        self.mutable = frozenset(column.attname for column in self.columns if column.mutable)
        self.auto_now = frozenset(column.attname for column in self.columns if getattr(column.field, "auto_now", False))
        self.returned = tuple(field.attname for field in model._meta.db_returning_fields)
        """What Django sets on the instance after its INSERT."""
        self.masked = tuple(column.attname for column in self.columns if column.masked)

    def values(self, instance: models.Model) -> Values:
        """The instance's current column values, by attname, without deferred ones."""
        held = instance.__dict__
        return {name: held[name] for name in self.attnames if name in held}

    def own_values(self, values: Values) -> Values:
        """These values without those in the tables of parents."""
        own = self.model._meta.concrete_model
        return {
            name: value
            for name, value in values.items()
            if self.by_attname[name].field.model._meta.concrete_model is own
        }

    def frozen(self, values: Values) -> Values:
        """The values with mutable ones copied, so that in-place changes can be detected later."""
        if not self.mutable:
            return values
        return {name: _copied(value) if name in self.mutable else value for name, value in values.items()}

    def diff(self, old: Values, new: Values, only: Collection[str] | None = None, missing: object = None) -> Changes:
        """The differences, as ``{field: [old, new]}``; a field missing from ``old`` counts as ``missing``.

        ``only`` restricts them to these field names (or attnames), like ``update_fields`` in a save.
        """
        changes: Changes = {}
        known = old.get
        for name in [name for name, value in new.items() if known(name, missing) is not value]:
            before, after, column = known(name, missing), new[name], self.by_attname.get(name)
            if column is None:
                continue
            if only is not None and name not in only and column.name not in only:
                continue
            if type(after) is type(before) and type(after) in PLAIN:
                if after == before:
                    continue
            elif values_equal(before, after) or equal_in_database(column.field, before, after):
                continue
            changes[column.name] = self.pair(column, before, after)
        return changes

    def deletion(self, old: Values, missing: object = None) -> Changes:
        """The changes of a deletion: every non-null value becomes null; a field not in ``old`` held ``missing``."""
        return {
            column.name: self.pair(column, value, None)
            for column in self.columns
            if (value := old.get(column.attname, missing)) is not None
        }

    def key(self, instance: models.Model) -> str:
        """The primary key as text; a secret key as the start of its hash."""
        pk = instance.__dict__.get(self.key_attname) if self.key_attname is not None else None
        if type(pk) is int:
            return str(pk)
        return key_text(instance, secret=self.secret_key)

    def secret_values(self, *held: Values) -> list[str]:
        """The values of masked fields in these, as text."""
        return [text_of(values[name]) for values in held for name in self.masked if values.get(name)]

    def without_secrets(self, text: str, instance: models.Model) -> str:
        """The text, fully masked if it contains the value of one of the instance's masked fields."""
        if not self.masked:
            return text
        return mask_secrets(text, (instance.__dict__.get(name) for name in self.masked))

    def pair(self, column: Column, before: Any, after: Any) -> list[Any]:
        """The field's old and new value as the log shows them: safe JSON, masked where they are secret."""
        shown = self._shown
        return [shown(column, before), shown(column, after)]

    def _shown(self, column: Column, value: Any) -> Any:
        if value is None or value is UNKNOWN:
            return value
        if isinstance(value, DatabaseDefault):
            return UNKNOWN  # until the database has chosen it
        return MASK if column.masked else json_safe(value, self.max_chars, self.secrets)


def is_excluded(field: models.Field[Any, Any], model: type[models.Model]) -> bool:
    """Whether ``EXCLUDE_FIELDS`` leaves a field of this model out of the log."""
    return field.name in _fields_for(model, conf.EXCLUDE_FIELDS)


def is_masked(field: models.Field[Any, Any], model: type[models.Model], secrets: tuple[str, ...]) -> bool:
    """Whether a field of this model is secret: by ``MASK_FIELDS``, by its name or its target's, or by its class."""
    return field.name in _fields_for(model, conf.MASK_FIELDS) or _holds_secret(field, secrets, model)


def is_confirmed(field: models.Field[Any, Any], model: type[models.Model]) -> bool:
    """Whether ``MASK_FIELDS`` states by ``"!name"`` that the field hides nothing, although its class converts it."""
    return f"!{field.name}" in _fields_for(model, conf.MASK_FIELDS)


def secret_names() -> tuple[str, ...]:
    """The field names that are masked on every model."""
    return SECRET_NAMES + tuple(_named(conf.MASK_FIELDS, "*"))


def key_text(instance: models.Model, *, secret: bool | None = None) -> str:
    """An instance's primary key as text: a composite key as a JSON list, a secret key as the start of its hash."""
    pk = instance.pk
    if pk is None:
        return ""
    text = orjson.dumps([text_of(part) for part in pk]).decode() if isinstance(pk, tuple) else text_of(pk)
    return logged_key(type(instance), text, secret=secret)


def logged_key(model: type[models.Model], key: str, *, secret: bool | None = None) -> str:
    """A key of the model as it is logged: at most 255 characters, or the start of its hash if it is secret."""
    return _hashed(key) if (keys_are_secret(model) if secret is None else secret) else clean_truncated(key, 255)


@lru_cache(maxsize=16)  # few: it keeps its classes alive
def keys_are_secret(model: type[models.Model]) -> bool:
    """Whether the model's keys are secrets, by the name of a key field or of what it references."""
    return any(_holds_secret(field, SECRET_NAMES) for field in model._meta.pk_fields)


class RelationRules:
    """How much of a relation may be recorded: nothing, that it changed, or the related keys.

    ``fields`` are the relations that it may be (several if that cannot be told, none if the through model is no
    field's), and ``target`` is the through model's foreign key to the related ``model``, if it is known.
    """

    def __init__(self, fields: Collection[Any], target: models.ForeignKey[Any, Any] | None, model: Any) -> None:
        secrets = secret_names()
        excluded = [is_excluded(field, field.model) for field in fields]
        self.excluded = bool(excluded) and all(excluded)
        self.masked = any(excluded) or any(
            field.name in _fields_for(field.model, conf.MASK_FIELDS) or is_secret_name(field.name, secrets)
            for field in fields
        )
        if target is not None:
            self.secret_keys = _holds_secret(target, secrets) or _holds_secret(target.target_field, secrets)
        else:
            keys = key_fields(model) if hasattr(model, "_meta") else []
            self.secret_keys = any(_holds_secret(key, secrets) for key in keys)

    def shown(self, key: Any) -> Any:
        """A key as it is logged; a secret key as the start of its hash."""
        return _hashed(text_of(key)) if self.secret_keys else key


def _hashed(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()[:16]


def _holds_secret(
    field: models.Field[Any, Any], secrets: tuple[str, ...], model: type[models.Model] | None = None
) -> bool:
    """Whether the field's name or class marks it as secret, or it references a model whose key is secret."""
    if is_secret_name(field.name, secrets):
        return True
    if is_encrypted(field) and not is_confirmed(field, model or field.model):
        return True
    target = field.remote_field.model if field.remote_field is not None else None
    if not isinstance(target, type):  # while the class is being built, it may be a lazy reference
        return False
    return any(
        is_secret_name(key.name, secrets) or (is_encrypted(key) and not is_confirmed(key, target))
        for key in key_fields(target)
    )


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


def _named(given: Mapping[str, Collection[str]], label: str) -> Iterator[str]:
    return (name.strip("*_").lower() for name in given.get(label, ()) if not name.startswith("!"))


def _fields_for(model: type[models.Model], given: Mapping[str, Collection[str]]) -> set[str]:
    """The names that a setting lists for the model, its concrete model and parents, and for ``"*"``."""
    if not given:
        return set()
    labels = {parent._meta.label.lower() for parent in model.__mro__ if hasattr(parent, "_meta")} | {"*"}
    return {name for label, names in given.items() if label.lower() in labels for name in names}


def _is_immutable(field: models.Field[Any, Any]) -> bool:
    """Only Django's own fields are trusted: a custom field may load any kind of object."""
    return isinstance(field, IMMUTABLE) and type(field).__module__.startswith("django.")


def _cut_above(field: models.Field[Any, Any], max_chars: int) -> int | None:
    """Only for Django's own text and binary fields: the log makes something else of what others store."""
    kind = type(field)
    if kind is models.BinaryField:
        return (max_chars - 2) // 2  # two hexadecimal digits a byte, after "0x"
    is_text = kind is models.TextField or (kind is models.CharField and (field.max_length or max_chars + 1) > max_chars)
    return max_chars if is_text else None


def _copied(value: Any) -> Any:
    if isinstance(value, (memoryview, bytearray)):
        return bytes(value)
    if isinstance(value, FieldFile):  # it references the instance, which must not be copied
        return value.name
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001  a host's __deepcopy__ may raise anything
        return text_of(value)


def equal_in_database(field: models.Field[Any, Any], before: Any, after: Any) -> bool:
    """Whether ``after`` is ``before`` as another Python type: ``"5"`` for 5, ``"1.50"`` for ``Decimal("1.5")``."""
    if before is None or after is None or type(before) is type(after) or hasattr(after, "resolve_expression"):
        return False
    try:
        return bool(field.to_python(after) == before)
    except Exception:  # noqa: BLE001  a host's field may raise anything
        return False
