"""The secret values that an ORM write carries: those it assigns or inserts, and those it finds its rows by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import models
from django.db.models.expressions import Col

from signal_log.capture.model.masked_values import MOST
from signal_log.capture.model.masking import is_masked
from signal_log.capture.model.plan import Plan
from signal_log.capture.silent.update_values import named_rows, values_of

MAX_DEPTH = 20


def secrets_in(plan: Plan, query: Any) -> Iterator[Any]:
    """The values of masked fields in a query that writes rows of this plan's model."""
    held = getattr(query, "values", None) or ()
    if plan.hiding and held:
        yield from plan.secret_values({**named_rows(plan, query), **values_of(plan, held)})
    if plan.hiding:
        for obj in (getattr(query, "objs", None) or ())[-MOST:]:
            yield from plan.secret_values(vars(obj))
    where = getattr(query, "where", None)
    if where is not None and getattr(where, "children", None):
        yield from _compared(where, MAX_DEPTH)


def unlogged_in(plan: Plan, query: Any) -> Iterator[Any]:
    """The values of excluded fields that a query assigns or inserts."""
    for field, _, value in getattr(query, "values", None) or ():
        if field.attname in plan.unlogged:
            yield value
    for obj in (getattr(query, "objs", None) or ())[-MOST:]:
        yield from plan.unlogged_values(vars(obj))


def _compared(node: Any, depth: int) -> Iterator[Any]:
    """What the conditions of a WHERE compare masked columns with."""
    if not depth:
        return
    for child in getattr(node, "children", ()):
        yield from _compared(child, depth - 1)
    if hasattr(node, "lhs") and hasattr(node, "rhs"):
        sides = (node.lhs, node.rhs)
        for one, other in (sides, sides[::-1]):
            if _is_secret(one, depth):
                yield from other if isinstance(other, (list, tuple, set)) else (other,)


def _is_secret(side: Any, depth: int) -> bool:
    """Whether this side of a comparison is made of a masked column."""
    if isinstance(side, Col):
        target: models.Field[Any, Any] = side.target
        return is_masked(target, target.model)
    inner = getattr(side, "get_source_expressions", None)
    return depth > 0 and inner is not None and any(_is_secret(each, depth - 1) for each in inner())
