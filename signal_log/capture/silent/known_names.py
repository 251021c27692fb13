"""The names of tables and columns that may be shown of a statement: those of installed models and of the plan's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.db import models

from signal_log.capture.model.plan import Plan
from signal_log.capture.model.snapshot import clean
from signal_log.capture.silent.statements import without_values


def shown_statement(plan: Plan, sql: str) -> str:
    """A statement that writes rows of this plan's model, as the log shows it: without any value."""
    return clean(without_values(sql, _knows(plan.model)))


def shown_text(sql: str) -> str:
    """Any statement, as a recorded session shows it: names of installed models' tables and columns, and no value."""
    return clean(without_values(sql, lambda name: name in _installed(apps), 2_000))


def _knows(model: type[models.Model]) -> Callable[[str], bool]:
    own = frozenset(_names_of(model))
    return lambda name: name in own or name in _installed(apps)


@lru_cache(maxsize=1)
def _installed(registry: Any) -> frozenset[str]:
    return frozenset(name for model in registry.get_models(include_auto_created=True) for name in _names_of(model))


def _names_of(model: type[models.Model]) -> Iterator[str]:
    table = model._meta.db_table
    yield table
    yield from (part.strip('"') for part in table.split('"."'))
    for field in model._meta.concrete_fields:
        if field.column:
            yield field.column
