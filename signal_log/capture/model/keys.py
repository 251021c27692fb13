"""Keys of objects as the log tells them: as text, or, where they are secret, as a keyed hash."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Final

import orjson
from django.conf import settings
from django.core.signals import setting_changed
from django.db import models

from signal_log.capture.model.long_value import key_hashes, text_of_bytes
from signal_log.capture.model.masking import is_excluded, is_listed, is_masked, is_unmasked, key_fields, secret_names
from signal_log.capture.model.snapshot import clean_truncated, text_of
from signal_log.conf import conf
from signal_log.interruption import let_interruption_pass

MAX_CHARS: Final = 255


def key_text(instance: models.Model, *, secret: bool | None = None) -> str:
    """An instance's primary key as text: a composite key as a JSON list, a secret key as the start of its hash."""
    pk = instance.pk
    if pk is None:
        return ""
    fields = key_fields(type(instance))
    if len(fields) == 1:
        text = _spelled(fields[0], pk)
    else:
        text = orjson.dumps([_spelled(field, part) for field, part in zip(fields, pk, strict=True)]).decode()
    return logged_key(type(instance), text, secret=secret)


def _spelled(field: Any, value: Any) -> str:
    """A key's value as its row spells it, for a host may write it otherwise: ``"007"``, an enum, a UUID in capitals."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    try:
        value = field.to_python(value.value if isinstance(value, Enum) else value)
        if isinstance(field, models.DecimalField):
            value = round(value, field.decimal_places)
        elif isinstance(value, datetime) and value.tzinfo is not None:
            value = value.astimezone(UTC)
        elif isinstance(value, (bytes, bytearray, memoryview)):
            return text_of_bytes(value, MAX_CHARS)
    except BaseException as error:  # noqa: BLE001  a host's field may raise anything, and no row has a key that it does not accept
        let_interruption_pass(error)
        return text_of(value)
    return text_of(value)


def logged_key(model: type[models.Model], key: str, *, secret: bool | None = None) -> str:
    """A key of the model as it is logged: at most 255 characters, or the start of its hash if it is secret."""
    return (
        hashed_key(key) if (keys_are_secret(model) if secret is None else secret) else clean_truncated(key, MAX_CHARS)
    )


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
            is_listed(field.name, field.model, conf.MASK_FIELDS)
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
    return "hmac:" + _hmac(b"signal_log/secret key/1", key)[:16]


def _hashed_whole(sha256: str) -> str:
    """What stands for the hash of a long text that hides something."""
    return "HMAC-SHA-256 " + _hmac(b"signal_log/masked text/1", sha256)


def _hmac(purpose: bytes, text: str) -> str:
    return hmac.new(_hmac_key(settings.SECRET_KEY, purpose), text.encode(), "sha256").hexdigest()


@lru_cache(maxsize=4)
def _hmac_key(secret_key: str | bytes, purpose: bytes) -> bytes:
    text = secret_key if isinstance(secret_key, bytes) else secret_key.encode()
    return hmac.new(text, purpose, "sha256").digest()


def _on_setting_changed(*, setting: str, **_: object) -> None:
    if setting == "SIGNAL_LOG":
        keys_are_secret.cache_clear()


setting_changed.connect(_on_setting_changed, dispatch_uid="signal_log.capture.model.keys")
key_hashes(_hashed_whole)
