"""Which model classes are observed, and their plans, kept on the classes themselves.

A plan on the class dies with it: the classes that migrations make by the hundred leave nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from weakref import WeakSet

from django.apps import apps
from django.db import models

from signal_log.capture.model.plan import Plan
from signal_log.conf import conf

PLAN: Final = "_signal_log_plan"

# Never observed: the log itself would never end, and the toolbar writes at every request.
NEVER: Final = ("signal_log.", "debug_toolbar.", "migrations.")
# Observed only when named: their rows are secrets, written at nearly every request.
ONLY_WHEN_NAMED: Final = ("sessions.session",)

_once_observed: Final[WeakSet[type[models.Model]]] = WeakSet()


def plan_of(model: type) -> Plan | None:
    """The plan of an observed class, else None (a subclass does not inherit its parent's)."""
    plan: Plan | None = model.__dict__.get(PLAN)
    return plan


def is_chosen(model: type[models.Model]) -> bool:
    """Whether the settings choose the model, by its own label or by that of a proxy's concrete model."""
    options = model._meta
    if options.abstract or options.swapped:
        return False
    labels = {options.label_lower, (options.concrete_model or model)._meta.label_lower}
    if any(label.startswith(NEVER) for label in labels):
        return False
    return _listed(labels, conf.MODELS) and not _listed(labels, conf.EXCLUDE, wildcard_is_all=True)


def _listed(labels: set[str], patterns: Any, *, wildcard_is_all: bool = False) -> bool:
    for pattern in (p.lower() for p in patterns):
        for label in labels:
            wild = pattern == "*" or (pattern.endswith(".*") and label.startswith(pattern[:-1]))
            if pattern == label or (wild and (wildcard_is_all or label not in ONLY_WHEN_NAMED)):
                return True
    return False


def observe(model: type[models.Model]) -> Plan:
    """Make the class observed."""
    plan = Plan(model)
    setattr(model, PLAN, plan)
    _once_observed.add(model)
    return plan


def forget(model: type[models.Model]) -> None:
    """Make the class unobserved again."""
    if PLAN in model.__dict__:
        delattr(model, PLAN)


def observed() -> list[type[models.Model]]:
    """The classes that are observed now, those made by migrations and tests among them."""
    return [model for model in _once_observed if plan_of(model) is not None]


def once_observed() -> list[type[models.Model]]:
    """The classes that were observed and are not, but are still in use and still chosen."""
    return [model for model in _once_observed if plan_of(model) is None and is_chosen(model)]


def chosen_models() -> Iterator[type[models.Model]]:
    """The installed model classes that the settings choose; auto-created through models are among them."""
    return (model for model in apps.get_models(include_auto_created=True) if is_chosen(model))


def unknown_labels() -> list[tuple[str, str]]:
    """Entries of MODELS and EXCLUDE that name no installed model, as pairs of (setting, label)."""
    known = {model._meta.label_lower for model in apps.get_models(include_auto_created=True, include_swapped=True)}
    known |= {f"{config.label.lower()}.*" for config in apps.get_app_configs()} | {"*"}
    return [
        (setting, label)
        for setting in ("MODELS", "EXCLUDE")
        for label in getattr(conf, setting)
        if label.lower() not in known
    ]
