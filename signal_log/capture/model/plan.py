"""Precomputed facts about an observed model: its columns, masked fields, key and label."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.core.signals import setting_changed
from django.db import models
from django.db.models.expressions import DatabaseDefault

from signal_log.capture.model.column import Column, are_equal, columns_of, copied
from signal_log.capture.model.generic_key import GenericKey, generic_keys, model_of
from signal_log.capture.model.keys import hashed_key, key_text, keys_are_secret
from signal_log.capture.model.masked_values import mask_secrets
from signal_log.capture.model.masking import is_masked, is_unmasked, key_fields, secret_names
from signal_log.capture.model.secret_names import row_of
from signal_log.capture.model.secret_text import values_inside, without_secrets
from signal_log.capture.model.snapshot import PLAIN, json_safe, values_equal
from signal_log.conf import conf
from signal_log.event import MASK, UNKNOWN, Changes

DEEPEST_TEXT: Final = 2
"""How far from an object the related ones are that its text may show something of."""

Values = dict[str, Any]


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
        "nested",
        "readers",
        "secret_key",
        "unlogged",
    )  # fmt: skip

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.readers: dict[Any, Any] = {}
        """What reads the model's rows, by database; see ``actual_row.reader_of``."""
        self.label = model._meta.label
        self.max_chars: int = conf.MAX_VALUE_CHARS
        self.names = secret_names()
        self.columns = columns_of(model, self.max_chars)
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
        self.masked = tuple(column.attname for column in self.columns if column.masked)
        row = row_of([column.name for column in self.columns])
        self.naming = tuple(c.attname for c in self.columns if row is not None and c.name in row.naming)
        self.holding = tuple(
            c for c in self.columns if row is not None and c.name in row.holding and not is_unmasked(c.field, model)
        )
        """What a row of key and value holds, which is secret if what ``naming`` says is."""
        self.nested = tuple(c.attname for c in self.columns if isinstance(c.field, models.JSONField) and not c.masked)
        self.generic = tuple(key for key in generic_keys(model) if key.attname in self.by_attname)
        self.hiding = (
            *self.masked,
            *(self.naming if self.holding else ()),
            *(column.attname for column in self.holding),
            *(name for key in self.generic for name in (key.attname, key.type_attname)),
            *self.nested,
        )
        """The columns whose values are secret, or tell whether others are; empty for most models."""
        self.unlogged = tuple(
            field.attname
            for field in model._meta.concrete_fields
            if field.attname not in self.by_attname
            and not (getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False))
        )
        """The columns that ``EXCLUDE_FIELDS`` names, which errors must not quote either."""

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
        return {name: copied(value) if name in self.mutable else value for name, value in values.items()}

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
                if values_equal(before, after) if isinstance(after, datetime) else after == before:
                    continue
            elif before is not None and after is not None and are_equal(column, before, after):
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
            for name in self.nested:
                if isinstance(value := values.get(name), (dict, list)):
                    yield from values_inside(value, self.names)
            for key in self.generic:
                if values.get(key.attname) is not None and _references_secret(key, values):
                    yield values[key.attname]

    def unlogged_values(self, held: Mapping[str, Any]) -> list[Any]:
        """The values of excluded fields in a row."""
        return [value for name in self.unlogged if (value := held.get(name)) is not None]

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

    def without_secrets(self, text: str, instance: Any) -> str:
        """The text without what looks secret; fully masked if it shows the value of a masked field.

        That field may be a related object's, if it is loaded. Who sends a signal by hand may send any ``instance``.
        """
        text = without_secrets(text, self.names)
        if not isinstance(instance, models.Model):
            return text
        related = instance._state.__dict__.get("fields_cache")
        if related and (found := list(_secrets_of(related, DEEPEST_TEXT))):
            text = mask_secrets(text, found)
        return mask_secrets(text, self.secret_values(instance.__dict__)) if self.hiding else text

    def error_without_secrets(self, text: str, instance: Any) -> str:
        """The same of an exception's text, which does not show what the log leaves out either."""
        text = self.without_secrets(text, instance)
        if not (self.unlogged and isinstance(instance, models.Model)):
            return text
        return mask_secrets(text, self.unlogged_values(instance.__dict__))

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


def _on_setting_changed(*, setting: str, **_: object) -> None:
    if setting == "SIGNAL_LOG":
        _masked_of.clear()


setting_changed.connect(_on_setting_changed, dispatch_uid="signal_log.capture.model.plan")
