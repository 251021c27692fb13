"""What is known of an observed model before anything happens: its columns, secrets and label."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from django.db import models
from django.db.models.fields.files import FieldFile

from signal_log.capture.model.snapshot import PLAIN, harmless, is_secret_name, same, scrub, shorten, text_of
from signal_log.conf import SECRET_NAMES, conf
from signal_log.event import MASK, Changes

# Values of these never change in place, so the loaded one need not be copied.
IMMUTABLE: Final = (
    models.AutoField, models.BooleanField, models.CharField, models.DateField, models.DecimalField,
    models.DurationField, models.FloatField, models.ForeignKey, models.GenericIPAddressField, models.IntegerField,
    models.TextField, models.TimeField, models.UUIDField,
)  # fmt: skip

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A field of an observed model as the recorder needs it."""

    attname: str
    name: str
    field: models.Field[Any, Any]
    masked: bool
    mutable: bool


class Plan:
    """An observed model class: built once, used at every signal."""

    __slots__ = (
        "attnames", "by_attname", "columns", "key_attname", "key_attnames", "label", "masked", "model", "most",
        "mutable", "secret_key", "secrets",
    )  # fmt: skip

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.label = model._meta.label
        self.most: int = conf.MAX_VALUE_CHARS
        self.secrets = secret_names()
        excluded = _fields_for(model, conf.EXCLUDE_FIELDS)
        masked = _fields_for(model, conf.MASK_FIELDS)
        self.columns = tuple(
            Column(
                attname=field.attname,
                name=field.name,
                field=field,
                masked=field.name in masked or _holds_secret(field, self.secrets),
                mutable=not _is_immutable(field),
            )
            for field in model._meta.concrete_fields
            if field.name not in excluded
        )
        self.by_attname = {column.attname: column for column in self.columns}
        self.attnames = tuple(self.by_attname)
        self.key_attnames = tuple(field.attname for field in key_fields(model))
        self.secret_key = any(c.masked for c in self.columns if c.attname in self.key_attnames)
        self.key_attname = self.key_attnames[0] if len(self.key_attnames) == 1 and not self.secret_key else None
        self.mutable = frozenset(column.attname for column in self.columns if column.mutable)
        self.masked = tuple(column.attname for column in self.columns if column.masked)

    def values(self, instance: models.Model) -> Values:
        """The columns that the instance holds now, by attname; deferred ones are left out."""
        held = instance.__dict__
        return {name: held[name] for name in self.attnames if name in held}

    def frozen(self, values: Values) -> Values:
        """The values with the mutable ones copied, so that changes in place are seen later."""
        if not self.mutable:
            return values
        return {name: _copied(value) if name in self.mutable else value for name, value in values.items()}

    def diff(self, old: Values, new: Values, only: Collection[str] | None = None) -> Changes:
        """What differs, as ``{field: [old, new]}``; a field missing in ``old`` counts as null there.

        ``only`` limits it to these field names (or attnames), as ``update_fields`` does for a save.
        """
        changes: Changes = {}
        for name, after in new.items():
            before, column = old.get(name), self.by_attname.get(name)
            if after is before or column is None:
                continue
            if only is not None and name not in only and column.name not in only:
                continue
            if type(after) is type(before) and type(after) in PLAIN:
                if after == before:
                    continue
            elif same(before, after) or _equal_in_database(column.field, before, after):
                continue
            changes[column.name] = self._pair(column, before, after)
        return changes

    def diff_further(
        self, old: Values, new: Values, only: Collection[str] | None, then: Values, known: Changes
    ) -> Changes:
        """The same as ``diff``, where ``known`` was the diff when the instance held the values ``then``.

        Nearly always nothing has moved since, and ``known`` itself is the answer.
        """
        if self.mutable or new.keys() != then.keys():
            return self.diff(old, new, only)
        moved = [name for name, value in new.items() if then[name] is not value]
        if not moved:
            return known
        fresh = self.diff(old, {name: new[name] for name in moved}, only)
        stale = {self.by_attname[name].name for name in moved}
        return fresh | {name: pair for name, pair in known.items() if name not in stale}

    def gone(self, old: Values) -> Changes:
        """The changes of a deletion: every value that was there, to null."""
        return {c.name: self._pair(c, old[c.attname], None) for c in self.columns if old.get(c.attname) is not None}

    def key(self, instance: models.Model) -> str:
        """The primary key as text; a secret one as the start of its hash."""
        pk = instance.__dict__.get(self.key_attname) if self.key_attname is not None else None
        if type(pk) is int:
            return str(pk)
        return key_text(instance, secret=self.secret_key)

    def without_secrets(self, text: str, instance: models.Model) -> str:
        """The text, masked whole when it shows the value of one of the instance's masked fields."""
        if not self.masked:
            return text
        return scrub(text, (instance.__dict__.get(name) for name in self.masked))

    def _pair(self, column: Column, before: Any, after: Any) -> list[Any]:
        if column.masked:
            return [MASK if before is not None else None, MASK if after is not None else None]
        most, secrets = self.most, self.secrets
        return [None if value is None else harmless(value, most, secrets) for value in (before, after)]


def secret_names() -> tuple[str, ...]:
    """The names that are masked everywhere."""
    return SECRET_NAMES + tuple(_named(conf.MASK_FIELDS, "*"))


def key_text(instance: models.Model, *, secret: bool | None = None) -> str:
    """An instance's primary key as text, a composite one as a JSON list, a secret one as the start of its hash."""
    pk = instance.pk
    if pk is None:
        return ""
    text = orjson.dumps([text_of(part) for part in pk]).decode() if isinstance(pk, tuple) else text_of(pk)
    if secret is None:
        secret = any(_holds_secret(field, SECRET_NAMES) for field in instance._meta.pk_fields)
    return _hidden(text) if secret else shorten(text, 255)


class RelationRules:
    """What may be shown of a many-to-many field: nothing, that something changed, or the keys at its other end."""

    def __init__(self, field: models.ManyToManyField[Any, Any], target: models.ForeignKey[Any, Any]) -> None:
        secrets = secret_names()
        self.excluded = field.name in _fields_for(field.model, conf.EXCLUDE_FIELDS)
        self.masked = field.name in _fields_for(field.model, conf.MASK_FIELDS) or is_secret_name(field.name, secrets)
        self.secret_keys = _holds_secret(target, secrets) or is_secret_name(target.target_field.name, secrets)

    def shown(self, key: Any) -> Any:
        """A key as it goes into the log; a secret one as the start of its hash."""
        return _hidden(text_of(key)) if self.secret_keys else key


def _hidden(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()[:16]


def _holds_secret(field: models.Field[Any, Any], secrets: tuple[str, ...]) -> bool:
    """Whether the field's name says secret, or it refers to rows whose very key is one."""
    if is_secret_name(field.name, secrets):
        return True
    target = field.remote_field.model if field.remote_field is not None else None
    if not isinstance(target, type):  # a class in the making may know it by name only
        return False
    return any(is_secret_name(key.name, secrets) for key in key_fields(target))


def key_fields(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """The fields of a model's key: several for a composite one, none for a class that has no key yet.

    ``_meta.pk_fields`` must not be asked of a class in the making: Django keeps the answer, or has none.
    """
    pk: Any = model._meta.pk
    if pk is None:
        return []
    names: Collection[str] | None = getattr(pk, "field_names", None)
    if names is None:
        return [pk]
    return [field for name in names for field in model._meta.concrete_fields if name in (field.name, field.attname)]


def _named(given: Mapping[str, Collection[str]], label: str) -> Iterator[str]:
    return (name.strip("*_").lower() for name in given.get(label, ()))


def _fields_for(model: type[models.Model], given: Mapping[str, Collection[str]]) -> set[str]:
    """The names a setting lists for the model, its concrete model and its parents, and for ``"*"``."""
    labels = {parent._meta.label.lower() for parent in model.__mro__ if hasattr(parent, "_meta")} | {"*"}
    return {name for label, names in given.items() if label.lower() in labels for name in names}


def _is_immutable(field: models.Field[Any, Any]) -> bool:
    """A host's own field may load any kind of object, so only Django's are trusted."""
    return isinstance(field, IMMUTABLE) and type(field).__module__.startswith("django.")


def _copied(value: Any) -> Any:
    if isinstance(value, FieldFile):  # it holds the instance, which must not be copied along
        return value.name
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001  a host's __deepcopy__ may raise anything
        return text_of(value)


def _equal_in_database(field: models.Field[Any, Any], before: Any, after: Any) -> bool:
    """Whether ``after`` is ``before`` in another Python type: ``"5"`` for 5, ``"1.50"`` for ``Decimal("1.5")``."""
    if before is None or after is None or type(before) is type(after) or hasattr(after, "resolve_expression"):
        return False
    try:
        return bool(field.to_python(after) == before)
    except Exception:  # noqa: BLE001  a host's field may raise anything
        return False
