"""One row that a redaction or a hold is about: under which labels and by which key the log has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models import Q

from signal_log.capture.model.keys import key_text, logged_key
from signal_log.errors import RedactionError
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.store.read import HAS_KEY, events

Model = type[models.Model]
Archived = Callable[[], Iterable[SignalEvent]]
"""Gives the events that are in archives, from the first on, whenever it is called."""


def none_archived() -> Iterable[SignalEvent]:
    """There is no archive."""
    return ()


@dataclass(frozen=True, slots=True)
class Thing:
    """One row: the labels that it is recorded under, and its key as the log has it."""

    label: str
    family: tuple[str, ...]
    key: str
    pointing: dict[str, frozenset[str]]
    """By label the fields whose values are keys of such rows."""

    @property
    def is_account(self) -> bool:
        """Whether its key is an actor's."""
        model = _user_model()
        return model is not None and model._meta.label in self.family

    @property
    def rows(self) -> Q:
        """The events about it, and by it."""
        about = Q(sender__in=self.family, object_pk=self.key)
        return about | (Q(actor_pk=self.key) & HAS_KEY) if self.is_account else about

    def owns(self, event: SignalEvent) -> bool:
        """Whether the event is about it, or by it."""
        about = event.sender in self.family and event.object_pk == self.key
        return about or (self.is_account and event.actor_pk == self.key)

    def row(self) -> models.Model | None:
        """The row itself, if it is still there."""
        model = model_of(self.label)
        if model is None:
            return None
        try:
            return model._base_manager.filter(pk=self.key).first()
        except Exception:  # noqa: BLE001  there is no such table, or a host's field refuses the key with any error
            return None

    def __str__(self) -> str:
        return f"{self.label} {self.key}"


def thing(label: str, key: str, archived: Archived = none_archived) -> Thing:
    """The row that a label and a key mean, if there is one or the log has events of it; raises ``RedactionError``."""
    model = model_of(label)
    if model is None:
        recorded = events().filter(sender__iexact=label).values_list("sender", flat=True).first()
        if recorded is None:
            recorded = next((event.sender for event in archived() if event.sender.lower() == label.lower()), None)
        if recorded is None:
            raise RedactionError(f"There is no model {label!r}, and the log has no events of one.")
        found = Thing(recorded, labels_of_row(recorded), key, {})
    else:
        found = thing_of(model, _spelled(model, key))
    is_known = bool(key) and (
        events().filter(found.rows).exists()
        or (model is not None and found.row() is not None)
        or any(map(found.owns, archived()))
    )
    if not is_known:
        raise RedactionError(f"There is no {found.label} with the key {key!r}, and the log has no events of one.")
    return found


def thing_of(model: Model, key: str) -> Thing:
    """The row of a model with a key as the log has it, whether there is one or not."""
    family = labels_of_row(model._meta.label)
    return Thing(model._meta.label, family, key, _pointing(family))


def model_of(label: str) -> Model | None:
    """The model of a label, if it is still installed."""
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


def _user_model() -> Model | None:
    try:
        return get_user_model()
    except ImproperlyConfigured:
        return None


def _spelled(model: Model, key: str) -> str:
    """A key that a person typed as the log spells it."""
    if key.startswith("["):
        return key  # a composite one
    try:
        return key_text(model(pk=key))
    except Exception:  # noqa: BLE001  a host's class may want anything else
        return logged_key(model, key)


def _pointing(family: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """Fields and relations, of any model, that hold keys of these rows; also those that Django names backwards."""
    found: dict[str, frozenset[str]] = {}
    for model in apps.get_models(include_auto_created=True):
        names: set[str] = set()
        for field in model._meta.get_fields():
            target: Any = getattr(field, "related_model", None)
            if not hasattr(target, "_meta") or target._meta.label not in family:
                continue
            names.add(field.name)
            if hasattr(field, "get_accessor_name"):
                names.add(str(field.get_accessor_name()))
        if names:
            found[model._meta.label] = frozenset(names)
    return found


def account(key: str) -> None:
    """Raises ``RedactionError`` unless there is an account with this key, or the log has events by one."""
    model = _user_model()
    if key and events().filter(Q(actor_pk=key) & HAS_KEY).exists():
        return
    if not key or model is None or thing_of(model, key).row() is None:
        raise RedactionError(f"There is no account with the key {key!r}, and the log has no events by one.")
