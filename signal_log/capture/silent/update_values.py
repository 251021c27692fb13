"""The values that ``QuerySet.update()`` assigns, as far as they can be determined without a query."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from django.db import models
from django.db.models.expressions import Case, Col, Subquery, Value
from django.db.models.functions import Cast
from django.db.models.sql import Query

from signal_log.capture.model.plan import Plan
from signal_log.capture.model.snapshot import json_safe, text_of
from signal_log.event import MASK, Changes

_COLUMN: Final = re.compile(r"\bCol\([^(),]*, [\w.]*?(\w+)\)")


def assigned(plan: Plan, values: Iterable[tuple[models.Field[Any, Any], Any, Any]]) -> Changes:
    """``{"field": [null, new value]}``, masked like any other value; an expression as its text."""
    columns = {column.attname: column for column in plan.columns}
    changes: Changes = {}
    for field, _, value in values:
        column = columns.get(field.attname)
        if column is None:
            continue
        new = _new(value)
        shown = (MASK if new is not None else None) if column.masked else json_safe(new, plan.max_chars, plan.secrets)
        changes[column.name] = [None, shown]
    return changes


def _new(value: Any) -> Any:
    if isinstance(value, Value):
        value = value.value
    if isinstance(value, models.Model):
        return value.pk  # its str() might query
    return _text(value) if hasattr(value, "resolve_expression") else value


def _text(expression: Any) -> str:
    """An expression as source text; subqueries and per-row values are only described."""
    if isinstance(expression, (Query, Subquery)):
        return "(a subquery)"
    if isinstance(expression, Cast):
        return _text(expression.get_source_expressions()[0])
    if isinstance(expression, Case):
        return "(one of several values)"
    if isinstance(expression, Col):
        return f"F({expression.target.name})"
    return _COLUMN.sub(r"F(\1)", text_of(expression))
