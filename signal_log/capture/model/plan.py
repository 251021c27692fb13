"""Precomputed facts about an observed model: its columns, masked fields, key and label."""

from __future__ import annotations

import copy
import hmac
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from weakref import WeakKeyDictionary

import orjson
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.core.signals import setting_changed
from django.db import models
from django.db.models.expressions import DatabaseDefault
from django.db.models.fields.files import FieldFile

from signal_log.capture.model.generic_key import GenericKey, generic_keys, model_of
from signal_log.capture.model.masked_values import mask_secrets
from signal_log.capture.model.secret_names import SecretNames, row_of, says_what_is_held
from signal_log.capture.model.secret_text import without_secrets
from signal_log.capture.model.snapshot import (
    PLAIN,
    clean_truncated,
    json_safe,
    text_of,
    values_equal,
)
from signal_log.capture.model.stored_form import is_encrypted
from signal_log.conf import conf
from signal_log.event import MASK, UNKNOWN, Changes

SESSION_DATA: Final = "session_data"
"""Always masked: whoever has it is logged in."""

DEEPEST_TEXT: Final = 2
"""How far from an object the related ones are that its text may show something of."""

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
        "generic",
        "hiding",
        "holding",
        "inherited",
        "key_attname",
        "key_attnames",
        "label",
        "masked",
        "max_chars",
        "model",
        "mutable",
        "names",
        "naming",
        "readers",
        "returned",
        "secret_key",
    )  # fmt: skip

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.readers: dict[Any, Any] = {}
        """What reads the model's rows, by database; see ``actual_row.reader_of``."""
        self.label = model._meta.label
        self.max_chars: int = conf.MAX_VALUE_CHARS
        self.names = secret_names()
        self.columns = tuple(
            Column(
                attname=field.attname,
                name=field.name,
                field=field,
                masked=is_masked(field, model),
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
        own = model._meta.concrete_model
        self.inherited = frozenset(c.attname for c in self.columns if c.field.model._meta.concrete_model is not own)
        """The columns in the tables of parents."""
        self.mutable = frozenset(column.attname for column in self.columns if column.mutable)
        self.auto_now = frozenset(column.attname for column in self.columns if getattr(column.field, "auto_now", False))
        self.returned = tuple(field.attname for field in model._meta.db_returning_fields)
        """What Django sets on the instance after its INSERT."""
        self.masked = tuple(column.attname for column in self.columns if column.masked)
        row = row_of([column.name for column in self.columns])
        self.naming = tuple(c.attname for c in self.columns if row is not None and c.name in row.naming)
        self.holding = tuple(
            c for c in self.columns if row is not None and c.name in row.holding and not is_unmasked(c.field, model)
        )
        """What a row of key and value holds, which is secret if what ``naming`` says is."""
        self.generic = tuple(key for key in generic_keys(model) if key.attname in self.by_attname)
        self.hiding = (
            *self.masked,
            *(self.naming if self.holding else ()),
            *(column.attname for column in self.holding),
            *(name for key in self.generic for name in (key.attname, key.type_attname)),
        )
        """The columns whose values are secret, or tell whether others are; empty for most models."""

    def values(self, instance: models.Model) -> Values:
        """The instance's current column values, by attname, without deferred ones."""
        held = instance.__dict__
        return {name: held[name] for name in self.attnames if name in held}

    def own_values(self, values: Values) -> Values:
        """These values without those in the tables of parents."""
        if not self.inherited:
            return values
        return {name: value for name, value in values.items() if name not in self.inherited}

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
            elif before is not None and after is not None and _are_equal(column, before, after):
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

    def secret_values(self, *held: Values) -> Iterator[Any]:
        """The values of masked fields in these rows."""
        for values in held:
            for name in self.masked:
                if (value := values.get(name)) is not None:
                    yield value
            if self.holding and self.holds_secret(values):
                yield from (value for c in self.holding if (value := values.get(c.attname)) is not None)
            for key in self.generic:
                if values.get(key.attname) is not None and _references_secret(key, values):
                    yield values[key.attname]

    def holds_secret(self, *held: Values) -> bool:
        """Whether one of these rows of key and value says that its value is secret; so does one that says nothing."""
        named = [values[name] for values in held for name in self.naming if values.get(name) is not None]
        return not named or any(name in self.names for name in named)

    def judged(self, changes: Changes, *held: Values) -> Changes:
        """The changes of a row, with what is masked because of what its other fields hold."""
        if self.holding and any(c.name in changes for c in self.holding) and self.holds_secret(*held):
            for column in self.holding:
                if column.name in changes:
                    changes[column.name] = [_masked(value) for value in changes[column.name]]
        for key in self.generic:
            if key.name in changes and any(_references_secret(key, values) for values in held):
                changes[key.name] = [
                    value if value is None or value is UNKNOWN else hashed_key(str(value))
                    for value in changes[key.name]
                ]
        return changes

    def without_secrets(self, text: str, instance: models.Model) -> str:
        """The text without what looks secret; fully masked if it shows the value of a masked field.

        That field may be a related object's, if it is loaded.
        """
        text = without_secrets(text, self.names)
        related = instance._state.__dict__.get("fields_cache")
        if related and (found := list(_secrets_of(related, DEEPEST_TEXT))):
            text = mask_secrets(text, found)
        return mask_secrets(text, self.secret_values(instance.__dict__)) if self.hiding else text

    def pair(self, column: Column, before: Any, after: Any) -> list[Any]:
        """The field's old and new value as the log shows them: safe JSON, masked where they are secret."""
        shown = self._shown
        return [
            None if before is None else shown(column, before),
            None if after is None else shown(column, after),
        ]

    def _shown(self, column: Column, value: Any) -> Any:
        if value is UNKNOWN or isinstance(value, DatabaseDefault):
            return UNKNOWN  # until the database has chosen it
        return MASK if column.masked else json_safe(value, self.max_chars, self.names)


def _masked(value: Any) -> Any:
    return value if value is None or value is UNKNOWN else MASK


def _secrets_of(related: Mapping[str, Any], depth: int) -> Iterator[Any]:
    """The values of masked fields of these related objects, and of those that they have loaded."""
    for other in related.values():
        if isinstance(other, models.Model):
            yield from (
                value for name in _masked_attnames(type(other)) if (value := other.__dict__.get(name)) is not None
            )
            if depth and (more := other._state.__dict__.get("fields_cache")):
                yield from _secrets_of(more, depth - 1)


def _references_secret(key: GenericKey, values: Values) -> bool:
    model = model_of(values.get(key.type_attname))
    return model is not None and keys_are_secret(model)


def _masked_attnames(model: type[models.Model]) -> tuple[str, ...]:
    known = _masked_of.get(model)
    if known is None:
        known = tuple(field.attname for field in model._meta.concrete_fields if is_masked(field, model))
        _masked_of[model] = known
    return known


_masked_of: Final[WeakKeyDictionary[type[models.Model], tuple[str, ...]]] = WeakKeyDictionary()


def is_excluded(field: models.Field[Any, Any], model: type[models.Model]) -> bool:
    """Whether ``EXCLUDE_FIELDS`` leaves a field of this model out of the log."""
    return field.name in _fields_for(model, conf.EXCLUDE_FIELDS)


def is_masked(field: models.Field[Any, Any], model: type[models.Model]) -> bool:
    """Whether a field of this model is secret."""
    return bool(why_masked(field, model))


def why_masked(field: models.Field[Any, Any], model: type[models.Model], *, depth: int = 5) -> str:
    """Why a field of this model is secret, for ``signal_log_masks``; empty if it is not."""
    if field.name == SESSION_DATA:
        return "it holds a session"
    if field.name in _fields_for(model, conf.MASK_FIELDS):
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
    entry = secret_names().reason(field.name)
    if entry and not says_what_is_held(field.name, [each.name for each in model._meta.concrete_fields]):
        return f'its name ("{entry}")'
    return ""


def is_unmasked(field: models.Field[Any, Any], model: type[models.Model]) -> bool:
    """Whether ``UNMASK_FIELDS`` states that the field hides nothing, whatever its name or its class suggests."""
    return field.name in _fields_for(model, conf.UNMASK_FIELDS)


def secret_names() -> SecretNames:
    """The names that are secret in this project: of fields on every model, in JSON, in arguments and in paths."""
    return _names(tuple(conf.MASK_FIELDS.get("*", ())), tuple(conf.UNMASK_FIELDS.get("*", ())))


_names: Final = lru_cache(maxsize=8)(SecretNames)


def key_text(instance: models.Model, *, secret: bool | None = None) -> str:
    """An instance's primary key as text: a composite key as a JSON list, a secret key as the start of its hash."""
    pk = instance.pk
    if pk is None:
        return ""
    text = orjson.dumps([text_of(part) for part in pk]).decode() if isinstance(pk, tuple) else text_of(pk)
    return logged_key(type(instance), text, secret=secret)


def logged_key(model: type[models.Model], key: str, *, secret: bool | None = None) -> str:
    """A key of the model as it is logged: at most 255 characters, or the start of its hash if it is secret."""
    return hashed_key(key) if (keys_are_secret(model) if secret is None else secret) else clean_truncated(key, 255)


@lru_cache(maxsize=16)  # few: it keeps its classes alive
def keys_are_secret(model: type[models.Model]) -> bool:
    """Whether the model's keys are secrets: a key field is masked, or references one that is."""
    return any(is_masked(field, model) for field in model._meta.pk_fields)


class RelationRules:
    """How much of a relation may be recorded: nothing, that it changed, or the related keys.

    ``fields`` are the relations that it may be (several if that cannot be told, none if the through model is no
    field's), and ``target`` is the through model's foreign key to the related ``model``, if it is known.
    """

    def __init__(self, fields: Collection[Any], target: models.ForeignKey[Any, Any] | None, model: Any) -> None:
        excluded = [is_excluded(field, field.model) for field in fields]
        self.excluded = bool(excluded) and all(excluded)
        names = secret_names()
        self.masked = any(excluded) or any(
            field.name in _fields_for(field.model, conf.MASK_FIELDS)
            or (field.name in names and not is_unmasked(field, field.model))
            for field in fields
        )
        if target is not None:
            self.secret_keys = is_masked(target, target.model)
        else:
            keys = key_fields(model) if hasattr(model, "_meta") else []
            self.secret_keys = any(is_masked(key, model) for key in keys)

    def shown(self, key: Any) -> Any:
        """A key as it is logged; a secret key as the start of its hash."""
        return hashed_key(text_of(key)) if self.secret_keys else key


def hashed_key(key: str) -> str:
    """What stands for a secret key: nobody without SECRET_KEY can try out which key it was."""
    return "hmac:" + hmac.new(_hmac_key(settings.SECRET_KEY), key.encode(), "sha256").hexdigest()[:16]


@lru_cache(maxsize=2)
def _hmac_key(secret_key: str | bytes) -> bytes:
    text = secret_key if isinstance(secret_key, bytes) else secret_key.encode()
    return hmac.new(text, b"signal_log/secret key/1", "sha256").digest()


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


def _are_equal(column: Column, before: Any, after: Any) -> bool:
    return values_equal(before, after) or equal_in_database(column.field, before, after)


def equal_in_database(field: models.Field[Any, Any], before: Any, after: Any) -> bool:
    """Whether ``after`` is ``before`` as another Python type: ``"5"`` for 5, ``"1.50"`` for ``Decimal("1.5")``."""
    if before is None or after is None or type(before) is type(after) or hasattr(after, "resolve_expression"):
        return False
    try:
        return bool(field.to_python(after) == before)
    except Exception:  # noqa: BLE001  a host's field may raise anything
        return False


def _on_setting_changed(*, setting: str, **_: object) -> None:
    if setting == "SIGNAL_LOG":
        keys_are_secret.cache_clear()
        _masked_of.clear()


setting_changed.connect(_on_setting_changed, dispatch_uid="signal_log.capture.model.plan")
