"""System checks of the names in ``SIGNAL_LOG``: a model, field or permission that does not exist hides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from django.apps import apps
from django.core import checks
from django.db import models

from signal_log.audit.named_models import names as is_named
from signal_log.capture.model.name_pattern import fits
from signal_log.capture.model.registry import is_chosen
from signal_log.conf import accepted, conf
from signal_log.nearest import nearest, nearest_label

EVERY: Final = "*"
OF_MODELS: Final = ("MODELS", "EXCLUDE", "READS", "REASONS")
OF_FIELDS: Final = ("EXCLUDE_FIELDS", "MASK_FIELDS", "UNMASK_FIELDS")
NAMED: Final = 12
"""How many accepted names a hint lists."""
SLIP: Final = 0.74
"""How alike a word is to a field's name, where it need not be one, to be taken for a slip: ``ibam`` is to ``iban``."""


def check_names(**_: Any) -> list[checks.CheckMessage]:
    """Each model, field and permission that the settings name exists; a setting of another kind is E001's."""
    found = [_labels(setting) for setting in OF_MODELS if accepted(setting)]
    found += [_fields(setting) for setting in OF_FIELDS if accepted(setting)]
    found += [_retention()] if accepted("RETENTION_DAYS") else []
    found += [_reasons()] if accepted("REASONS") and accepted("MODELS") else []
    found += [_permission()] if accepted("PERMISSION") else []
    return [*chain.from_iterable(found)]


def _labels(setting: str) -> Iterator[checks.CheckMessage]:
    installed = [model._meta.label for model in _models()]
    apps_ = [f"{config.label}.*" for config in apps.get_app_configs()]
    known = {label.lower() for label in (*installed, *apps_, EVERY)}
    for label in getattr(conf, setting):
        if label.lower() not in known:
            likely = nearest_label(label, apps_ if label.endswith(".*") else installed)
            yield checks.Error(
                f"SIGNAL_LOG[{setting!r}] names {label!r}, but no such model is installed.{_meant(likely)}",
                hint='Accepted: "app_label.Model", "app_label.*" or "*", of apps in INSTALLED_APPS.',
                id="signal_log.E002",
            )


def _reasons() -> Iterator[checks.CheckMessage]:
    """A reason is kept with the events of its model."""
    for label in conf.REASONS:
        named = [model for model in _models() if is_named([label], model)]
        if named and not any(is_chosen(model) for model in named):
            yield checks.Error(
                f"SIGNAL_LOG['REASONS'] names {label!r}, which is not observed: its reasons would be kept nowhere.",
                hint=f'Name it in "MODELS", too: [..., {label!r}].',
                id="signal_log.E022",
            )


def _retention() -> Iterator[checks.CheckMessage]:
    """A warning, for events of a model that was removed from the project may still have to go, or to stay."""
    installed = [model._meta.label for model in _models()]
    known = {label.lower() for label in (*installed, EVERY)}
    for label in conf.RETENTION_DAYS if isinstance(conf.RETENTION_DAYS, Mapping) else ():
        if label.lower() not in known:
            yield checks.Warning(
                f"SIGNAL_LOG['RETENTION_DAYS'] names {label!r}, but no such model is installed, so its days count for "
                f"older events of that name at most.{_meant(nearest_label(label, installed))}",
                hint='Accepted: "app_label.Model" of apps in INSTALLED_APPS, or "*" for every other. If the model '
                "was removed and its events are meant, add signal_log.W026 to SILENCED_SYSTEM_CHECKS.",
                id="signal_log.W026",
            )


def _fields(setting: str) -> Iterator[checks.CheckMessage]:
    """What the setting says of models and fields, as ``capture.model.plan`` reads it: with parents, abstract ones too.

    A name for every model may be no field's: in ``MASK_FIELDS`` it masks keys inside JSON too. So only a slip is told.
    """
    by_label = _fields_by_label()
    for label, names in getattr(conf, setting).items():
        if label == EVERY:
            yield from _words(setting, names, set().union(*by_label.values()))
        elif label.lower() not in by_label:
            likely = nearest_label(label, [model._meta.label for model in _models()])
            yield checks.Error(
                f"SIGNAL_LOG[{setting!r}] names {label!r}, but no such model is installed, so nothing of it is "
                f"{_done(setting)}.{_meant(likely)}",
                hint='Accepted: "app_label.Model" of apps in INSTALLED_APPS, or "*" for every model.',
                id="signal_log.E002",
            )
        else:
            existing = by_label[label.lower()]
            for name in names:
                if not any(fits(one, name) for one in existing):
                    yield _no_field(setting, label, name, existing)


def _no_field(setting: str, label: str, name: str, existing: Collection[str]) -> checks.CheckMessage:
    likely = nearest(name, existing)
    more = ", …" if len(existing) > NAMED else ""
    return checks.Error(
        f"SIGNAL_LOG[{setting!r}] names the field {name!r} of {label}, which has none of that name, so it is not "
        f"{_done(setting)}.{_meant(likely)}",
        hint=f"Accepted: {', '.join(sorted(existing)[:NAMED])}{more}. (A foreign key goes by its name without _id.)",
        id="signal_log.E009",
    )


def _words(setting: str, names: Collection[str], existing: set[str]) -> Iterator[checks.CheckMessage]:
    words = {word.lower() for name in existing for word in (name, *name.split("_"))}
    for name in names:
        bare = name.strip("*_")
        if bare.lower() in words or any(bare.lower() in other.lower() or fits(other, name) for other in existing):
            continue
        likely = nearest(bare, existing, SLIP)
        if likely:
            yield checks.Warning(
                f"SIGNAL_LOG[{setting!r}] names {name!r} for every model, which no field is called.{_meant(likely)}",
                hint=f'Write "{likely}", or, if {name!r} is meant, add signal_log.W007 to SILENCED_SYSTEM_CHECKS.',
                id="signal_log.W007",
            )


def _permission() -> Iterator[checks.CheckMessage]:
    """``PERMISSION`` is one that ``migrate`` makes, of any installed model."""
    existing = {
        f"{options.app_label}.{codename}"
        for options in (model._meta for model in apps.get_models())
        for codename in (
            *(f"{action}_{options.model_name}" for action in options.default_permissions),
            *(codename for codename, _ in options.permissions),
        )
    }
    if conf.PERMISSION in existing:
        return
    likely = nearest(conf.PERMISSION, existing)
    yield checks.Error(
        f"SIGNAL_LOG['PERMISSION'] is {conf.PERMISSION!r}, which no installed model has, so only superusers see "
        f"events.{_meant(likely)}",
        hint='Accepted: "app_label.codename" of a model\'s permissions, such as "signal_log.view_signalevent". If a '
        "migration makes yours, or only an authentication backend knows it, add signal_log.E010 to "
        "SILENCED_SYSTEM_CHECKS.",
        id="signal_log.E010",
    )


def _models() -> list[type[models.Model]]:
    return list(apps.get_models(include_auto_created=True, include_swapped=True))


def _fields_by_label() -> dict[str, set[str]]:
    """The names of fields that an entry for a label can mean: its own, and those of classes that inherit from it."""
    found: dict[str, set[str]] = {}
    for model in _models():
        own = {field.name for field in (*model._meta.concrete_fields, *model._meta.many_to_many)}
        for parent in model.__mro__:
            if hasattr(parent, "_meta"):
                found.setdefault(parent._meta.label.lower(), set()).update(own)
    return found


def _meant(likely: str) -> str:
    return f" Did you mean {likely!r}?" if likely else ""


def _done(setting: str) -> str:
    return {"MASK_FIELDS": "masked", "UNMASK_FIELDS": "shown"}.get(setting, "left out")
