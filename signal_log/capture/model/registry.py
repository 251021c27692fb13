"""Which model classes are observed; their plans are stored on the classes themselves.

A plan is garbage-collected with its class, so the hundreds of classes that migrations create do not leak. Most of
those never load or save a row, so their plans are made when they first do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final
from weakref import WeakSet

from django.apps import apps
from django.db import models

from signal_log.capture.model.masking import is_excluded, is_masked, is_unmasked
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.stored_form import converts_unknown
from signal_log.conf import conf

PLAN: Final = "_signal_log_plan"

# Never observed: recording the log would recurse, and the toolbar writes on every request.
NEVER: Final = ("signal_log.", "debug_toolbar.", "migrations.")
# Observed only when named explicitly: their rows are secret and written on nearly every request.
ONLY_WHEN_NAMED: Final = ("sessions.session",)

_once_observed: Final[WeakSet[type[models.Model]]] = WeakSet()


def plan_of(model: type) -> Plan | None:
    """The plan of an observed class, else None (subclasses do not inherit it)."""
    plan: Any = model.__dict__.get(PLAN)
    if plan is None or type(plan) is Plan:
        return plan
    made: Plan = plan(model)
    return made


def is_observed(model: type) -> bool:
    """Whether the class is observed, without making its plan."""
    return PLAN in model.__dict__


def is_chosen(model: type[models.Model]) -> bool:
    """Whether the settings select the model, by its own label or that of its concrete model."""
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
    """Start observing the class."""
    plan = Plan(model)
    setattr(model, PLAN, plan)
    _once_observed.add(model)
    return plan


def observe_later(model: type[models.Model], make: Callable[[type[models.Model]], Plan]) -> None:
    """Start observing the class, with a plan that ``make`` makes when it is first asked for."""
    setattr(model, PLAN, make)
    _once_observed.add(model)


def forget(model: type[models.Model]) -> None:
    """Stop observing the class."""
    if PLAN in model.__dict__:
        delattr(model, PLAN)


def observed() -> list[type[models.Model]]:
    """The classes observed now, including those created by migrations and tests."""
    return [model for model in _once_observed if is_observed(model)]


def once_observed() -> list[type[models.Model]]:
    """Previously observed classes that still exist and are still selected by the settings."""
    return [model for model in _once_observed if not is_observed(model) and is_chosen(model)]


def ever_observed() -> list[type[models.Model]]:
    """The classes observed now or previously that still exist."""
    return list(_once_observed)


def chosen_models() -> Iterator[type[models.Model]]:
    """The installed model classes that the settings select, including auto-created through models."""
    return (model for model in apps.get_models(include_auto_created=True) if is_chosen(model))


def converted_fields() -> Iterator[tuple[type[models.Model], models.Field[Any, Any]]]:
    """Recorded fields whose class converts what it stores in code of its own, and that no setting says anything of."""
    for model in chosen_models():
        for field in model._meta.local_concrete_fields:
            if not converts_unknown(field):
                continue
            if not (is_masked(field, model) or is_unmasked(field, model) or is_excluded(field, model)):
                yield model, field
