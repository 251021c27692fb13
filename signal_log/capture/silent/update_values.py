"""The values that ``QuerySet.update()`` assigns, as far as they can be determined without a query."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from django.db import models
from django.db.models.expressions import Case, Col, Subquery, Value
from django.db.models.functions import Cast
from django.db.models.sql import Query

from signal_log.capture.model.plan import Plan, Values
from signal_log.capture.model.snapshot import json_safe, text_of
from signal_log.event import MASK, Changes

_COLUMN: Final = re.compile(r"\bCol\([^(),]*, [\w.]*?(\w+)\)")


def assigned(plan: Plan, query: Any) -> Changes:
    """``{"field": [null, new value]}``, masked like any other value; an expression as its text."""
    changes: Changes = {}
    for attname, new in values_of(plan, query.values).items():
        column = plan.by_attname[attname]
        shown = (MASK if new is not None else None) if column.masked else json_safe(new, plan.max_chars, plan.names)
        changes[column.name] = [None, shown]
    if plan.holding:
        plan.judged(changes, {**named_rows(plan, query), **values_of(plan, query.values)})
    return changes


def values_of(plan: Plan, values: Iterable[tuple[models.Field[Any, Any], Any, Any]]) -> Values:
    """What an update assigns, by attname."""
    return {field.attname: _new(value) for field, _, value in values if field.attname in plan.by_attname}


def named_rows(plan: Plan, query: Any) -> Values:
    """What an update of rows of key and value says of their keys, if it asks for one: ``filter(key="site_name")``."""
    where = query.where
    if not plan.holding or where is None or where.connector != "AND" or where.negated:
        return {}
    return {
        node.lhs.target.attname: node.rhs
        for node in where.children
        if getattr(node, "lookup_name", "") == "exact"
        and isinstance(node.lhs, Col)
        and node.lhs.target.attname in plan.naming
        and isinstance(node.rhs, str)
    }


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
