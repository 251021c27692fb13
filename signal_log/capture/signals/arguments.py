"""Converts the keyword arguments of an extra signal to safe JSON: nothing is evaluated, no secret is exposed."""

from __future__ import annotations

import datetime
import decimal
import pathlib
import uuid
from collections.abc import Iterator, Mapping, Set
from enum import Enum
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.http import HttpRequest
from django.utils.functional import LazyObject, Promise, empty

from signal_log.capture.model.error_text import error_text
from signal_log.capture.model.keys import key_text
from signal_log.capture.model.masked_values import mask_secrets
from signal_log.capture.model.secret_names import SecretNames
from signal_log.capture.model.snapshot import json_safe, text_of
from signal_log.capture.signals.receiver_name import receiver_name
from signal_log.capture.trace.path import request_path
from signal_log.conf import conf
from signal_log.event import MASK, Changes

MAX_DEPTH: Final = 8
CREDENTIALS: Final = "credentials"
"""Django's argument name for the credentials of a login attempt: only the user name is recorded."""
PLAIN: Final = (
    str, int, float, bytes, bytearray, type(None), Enum, datetime.date, datetime.time, datetime.timedelta,
    decimal.Decimal, uuid.UUID, pathlib.PurePath, Promise,
)  # fmt: skip


class Arguments:
    """The keyword arguments of one firing."""

    def __init__(self, named: Mapping[str, Any], names: SecretNames) -> None:
        self.named = {name: _unwrapped(value) for name, value in named.items()}
        self.names = names

    def changes(self) -> Changes:
        """``{"name": [null, value]}``."""
        limit = conf.MAX_VALUE_CHARS
        shown = {text_of(name): self._named(name, value, MAX_DEPTH) for name, value in self.named.items()}
        values = tuple(self.secret_values())
        return {name: [None, _masked(json_safe(value, limit, self.names), values)] for name, value in shown.items()}

    def instance(self) -> models.Model | None:
        """The signal's object: ``instance``, ``user`` or the first model instance among the arguments."""
        candidates = [self.named.get("instance"), self.named.get("user"), *self.named.values()]
        return next((value for value in candidates if isinstance(value, models.Model)), None)

    def without_secrets(self, text: str) -> str:
        """The text, fully masked if it contains one of the secrets among the arguments."""
        return mask_secrets(text, self.secret_values())

    def secret_values(self) -> Iterator[Any]:
        """The values with a secret name, in the arguments or in a request's parsed POST data."""
        yield from self._secrets_in(self.named, MAX_DEPTH, hidden=False)

    def _named(self, name: Any, value: Any, depth: int) -> Any:
        if name == CREDENTIALS and isinstance(value, Mapping):
            return {text_of(k): self._shown(v, 1) if k in _account_names() else MASK for k, v in value.items()}
        if value is not None and text_of(name) in self.names:
            return MASK
        return self._shown(value, depth)

    def _shown(self, given: Any, depth: int) -> Any:
        value = _unwrapped(given)
        if isinstance(value, PLAIN):
            return value
        if isinstance(value, models.Model):
            return f"{value._meta.label}/{key_text(value)}"
        if isinstance(value, HttpRequest):
            return request_path(value)
        if isinstance(value, (models.QuerySet, models.Manager)):
            return f"a queryset of {value.model._meta.label}"
        if isinstance(value, BaseException):
            return error_text(value)
        if isinstance(value, type) or callable(value):
            return sender_name(value)
        if depth and isinstance(value, Mapping):
            return {text_of(name): self._named(name, inner, depth - 1) for name, inner in value.items()}
        if depth and isinstance(value, tuple) and hasattr(value, "_fields"):
            named = zip(value._fields, value, strict=False)
            return [self._named(name, inner, depth - 1) for name, inner in named]
        if depth and isinstance(value, (list, tuple, Set)):
            return [self._shown(inner, depth - 1) for inner in value]
        return class_name(type(value))

    def _secrets_in(self, given: Any, depth: int, *, hidden: bool) -> Iterator[Any]:
        value = _unwrapped(given)
        if isinstance(value, HttpRequest):
            value = value.__dict__.get("_post")  # only what is already parsed
        if hidden and isinstance(value, PLAIN) and not isinstance(value, bool):
            yield value
        elif depth and isinstance(value, Mapping):
            for name, inner in value.items():
                secret = (hidden or text_of(name) in self.names) and name not in _account_names()
                yield from self._secrets_in(inner, depth - 1, hidden=secret)
        elif depth and isinstance(value, tuple) and hasattr(value, "_fields"):
            yield from self._secrets_in(dict(zip(value._fields, value, strict=False)), depth, hidden=hidden)
        elif depth and isinstance(value, (list, tuple, Set)):
            for inner in value:
                yield from self._secrets_in(inner, depth - 1, hidden=hidden)


def _account_names() -> tuple[str, ...]:
    try:
        return ("username", "email", get_user_model().USERNAME_FIELD)
    except ImproperlyConfigured:  # a project without accounts
        return ("username", "email")


def sender_name(sender: Any) -> str:
    """The label of a model class, otherwise a dotted path; text is returned unchanged."""
    if sender is None:
        return ""
    if isinstance(sender, str):
        return text_of(sender)
    if isinstance(sender, type):
        return class_name(sender)
    if isinstance(sender, models.Model) or not callable(sender):
        return class_name(type(sender))
    return receiver_name(sender)


def class_name(kind: type) -> str:
    """The label of a model class, or the dotted path of any other class."""
    if issubclass(kind, models.Model) and hasattr(kind, "_meta"):
        return kind._meta.label
    return f"{kind.__module__}.{kind.__qualname__}"


def _unwrapped(value: Any) -> Any:
    """The value of an evaluated lazy object; one not yet evaluated is left alone, because evaluating it may query."""
    if not issubclass(type(value), LazyObject):
        return value
    inner = value.__dict__.get("_wrapped")
    return type(value) if inner is None or inner is empty else inner


def _masked(value: Any, secrets: tuple[Any, ...]) -> Any:
    """The value with every text masked that contains one of the secrets."""
    if isinstance(value, str):
        return mask_secrets(value, secrets)
    if isinstance(value, list):
        return [_masked(inner, secrets) for inner in value]
    if isinstance(value, dict):
        return {name: _masked(inner, secrets) for name, inner in value.items()}
    return value
