"""Which relations make other rows relatives of an object: what the models say, and what the reader has chosen.

A relative is a row of an observed model that points at the object (by a foreign key, a one-to-one key, or as a row of a
many-to-many relation's own through model), or that the object's one-to-one key points at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db import models

from signal_log.capture.model.registry import is_chosen
from signal_log.rows import labels_of_row

CHOSEN: Final = "with"
"""The key of the query string: each value names a relation; an empty one says that the others are not wanted."""

SEARCH: Final = "search"
"""The key of the query string that asks to read the log for relatives that no index finds."""

Model = type[models.Model]


@dataclass(frozen=True, slots=True)
class Relation:
    """One relation, seen from the object: ``field`` of the other model's rows, or of the object's own."""

    label: str
    field: str
    points_here: bool
    is_one: bool
    is_told: bool
    """Whether its rows are told of unless the reader says otherwise: they are a part of the object."""
    words: str

    @property
    def name(self) -> str:
        """What names it in the query string."""
        return f"{self.label}.{self.field}" if self.points_here else self.field

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels under which its rows are recorded."""
        return labels_of_row(self.label)


def model_of(label: str) -> Model | None:
    """The installed model of this label, or None."""
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


def relations_of(label: str) -> list[Relation]:
    """The relations of a model to others that are observed, those that are told of first."""
    model = model_of(label)
    if model is None:
        return []
    found = {relation.name: relation for relation in (*_towards(model), *_from(model))}
    return sorted(found.values(), key=lambda relation: (not relation.is_told, relation.name))


def chosen(relations: Sequence[Relation], given: Collection[str] | None) -> list[Relation]:
    """The relations to tell of: those named or, if none are given at all, those that are a part of the object."""
    if given is None:
        return [relation for relation in relations if relation.is_told]
    return [relation for relation in relations if relation.name in given]


def _towards(model: Model) -> Iterator[Relation]:
    """The keys of other models that point at this one."""
    inlines = set(_inlines(model))
    for relation in model._meta.get_fields(include_hidden=True):
        if not isinstance(relation, models.ManyToOneRel) or relation.related_model is None:
            continue
        other: Any = relation.related_model
        key: Any = relation.field
        if other._meta.auto_created or getattr(relation, "parent_link", False) or not is_chosen(other):
            continue
        label = other._meta.label
        is_told = key.unique or relation.on_delete is models.CASCADE or (label, key.name) in inlines
        yield Relation(label, key.name, True, key.unique, is_told, f"{label} whose {key.name} it is")


def _from(model: Model) -> Iterator[Relation]:
    """This model's own one-to-one keys."""
    for field in model._meta.concrete_fields:
        remote: Any = field.remote_field
        if field.one_to_one and not remote.parent_link and isinstance(remote.model, type) and is_chosen(remote.model):
            target: Any = remote.model
            label = target._meta.label
            yield Relation(label, field.name, False, True, True, f"{label} that is its {field.name}")


def _inlines(model: Model) -> Iterator[tuple[str, str]]:
    """The inlines of the model's page in the admin, by model and key."""
    if not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib.admin import site

    page: Any = site._registry.get(model)
    for inline in getattr(page, "inlines", ()):
        for field in inline.model._meta.concrete_fields:
            target = field.remote_field.model if field.remote_field is not None else None
            if isinstance(target, type) and issubclass(model, target) and inline.fk_name in (None, field.name):
                yield inline.model._meta.label, field.name
