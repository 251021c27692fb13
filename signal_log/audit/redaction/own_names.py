"""What a row goes by: in itself, in its events, and its key as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from signal_log.audit.redaction.names import DISTINCTIVE
from signal_log.audit.thing import Thing, model_of
from signal_log.event import MASK, MODEL_SIGNALS
from signal_log.models import SignalEvent

SHORTEST_NAME: Final = 4
"""Of an object that is no account, a shorter text is no name to look for."""
_NO_NAME: Final = re.compile(r".* object \(.*\)|\(unprintable .*\)|[\d\W]*|.*…", re.DOTALL)

_FULL: Final = ("name", "full_name", "display_name", "real_name")
"""Fields of custom user models that hold the whole name of a person."""


def names_now(one: Thing) -> Iterator[str]:
    """What the row goes by, if it is still there."""
    row = one.row()
    if row is not None:
        naming = _naming_fields(one)
        held = {name: getattr(row, name, None) for name in [*naming, *_FULL, "first_name", "last_name"]}
        yield from _usable(one, [held.get(name) for name in naming] + _full(one, held))


def names_in(one: Thing, event: SignalEvent) -> Iterator[str]:
    """What it goes by in one of its own events."""
    if event.sender in one.family and event.object_pk == one.key:
        naming = _naming_fields(one)
        sides: list[dict[str, Any]] = [{}, {}]
        for name, pair in event.changes.items():
            if isinstance(pair, list) and len(pair) == len(sides):
                for side, value in zip(sides, pair, strict=True):
                    side[name] = value
        for side in sides:
            yield from _usable(one, [side.get(name) for name in naming] + _full(one, side))
        if event.signal in MODEL_SIGNALS:
            yield from _usable(one, [event.object_repr])
    if one.is_account and event.actor_pk == one.key:
        yield from _usable(one, [event.actor_repr])


def _full(one: Thing, held: dict[str, Any]) -> list[str]:
    """An account's whole name, in one field or in two; a single word of it is many people's."""
    if not one.is_account:
        return []
    whole = [held.get(name) for name in _FULL]
    first, last = held.get("first_name"), held.get("last_name")
    if isinstance(first, str) and isinstance(last, str) and first and last:
        whole.append(f"{first} {last}")
    return [text for text in whole if isinstance(text, str) and len(text.split()) > 1]


def _naming_fields(one: Thing) -> tuple[str, ...]:
    return _naming_fields_of(one.label, is_account=one.is_account)


@lru_cache(maxsize=64)
def _naming_fields_of(label: str, *, is_account: bool) -> tuple[str, ...]:
    model = model_of(label)
    if model is None:
        return ()
    names = [field.name for field in model._meta.concrete_fields if isinstance(field, models.EmailField)]
    if is_account:
        for name in (getattr(model, "USERNAME_FIELD", ""), getattr(model, "EMAIL_FIELD", "")):
            with suppress(FieldDoesNotExist):
                names.append(model._meta.get_field(name).name)
    return tuple(dict.fromkeys(names))


def _usable(one: Thing, texts: Iterable[Any]) -> Iterator[str]:
    for text in texts:
        if not isinstance(text, str) or not text.strip() or MASK in text or _NO_NAME.fullmatch(text):
            continue
        if one.is_account or len(text.strip()) >= SHORTEST_NAME:
            yield text.strip()


def key_texts(one: Thing) -> Iterator[str]:
    """The key as text that can be no other's: with its label, or alone if it is no mere number."""
    for label in one.family:
        yield f"{label}/{one.key}"
    if len(one.key) >= DISTINCTIVE and not one.key.isdigit():
        yield one.key
        if re.fullmatch(r"[0-9a-f-]{36}", one.key):
            yield one.key.replace("-", "")
