"""Which classes store the same rows: a model, its proxies, and the multi-table parents and children that share its key.

A save of a child changes its parents' rows without a signal of theirs, and a proxy sends its own class. So what
identifies a row is its root (the topmost concrete class) and its key, whatever class the event's sender was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models

from signal_log.capture.model.masking import key_fields
from signal_log.capture.model.registry import is_chosen

Model = type[models.Model]


def root_of(model: Model) -> Model:
    """The topmost concrete class whose rows have the same keys."""
    for parent in _upwards(model):
        model = parent
    return model


def families() -> list[tuple[str, ...]]:
    """The labels of the installed models, those of the same rows together."""
    found: defaultdict[Model, set[str]] = defaultdict(set)
    for model in apps.get_models(include_auto_created=True):
        found[root_of(model)].add(model._meta.label)
    return [tuple(sorted(labels)) for labels in found.values()]


def ends_with(label: str, family: tuple[str, ...]) -> frozenset[str]:
    """The labels whose deletion ends this model's row: its own and its parents'.

    A child can be deleted without its parent (``keep_parents``). If the model is not observed, its own deletion has no
    event, so the child's tells the most there is.
    """
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):
        return frozenset(family)
    if not is_chosen(model):
        return frozenset(family)
    upwards = set(_upwards(model))
    return frozenset(
        other._meta.label for other in apps.get_models() if (other._meta.concrete_model or other) in upwards
    )


def _upwards(model: Model) -> Iterator[Model]:
    """The concrete class, then the parents that its key comes from, one after the other."""
    current: Model | None = model._meta.concrete_model or model
    while current is not None:
        yield current
        current = _parent(current)


def _parent(model: Model) -> Model | None:
    """The parent with the same keys, if the model's key is the link to it."""
    keys: list[Any] = key_fields(model)
    link = keys[0].remote_field if len(keys) == 1 else None
    if link is None or not getattr(link, "parent_link", False) or not isinstance(link.model, type):
        return None
    parent: Model = link.model
    if keys[0].target_field not in key_fields(parent):
        return None
    concrete: Model | None = parent._meta.concrete_model
    return concrete
