"""How many events have an object, actor, outcome, field and so on, where an index tells; the ids of these if few.

In the windows of ids in which the log is searched, a planner weighs an index of the whole log against the rows of one
window, and would rather read those, window by window. So the index is asked first, and by itself.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from django.db import connections
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from signal_log.event import COMMITTED
from signal_log.filters import Filters
from signal_log.models import SignalEvent
from signal_log.models.event import USUAL
from signal_log.query_language.keys import FIELD, MODEL, OVERWROTE
from signal_log.rows import is_of_a_model
from signal_log.store.read import events, filtered
from signal_log.store.reading import read_from
from signal_log.vendor import vendor_of

FEW: Final = 2_000
INDEXED: Final = ("object", "actor_pk", "actor_name", "actor", OVERWROTE, "outcome", "signal", FIELD, "sender", MODEL)
_ROWS: Final = re.compile(r"Plan Rows\W+(\d+)")


class Answer(NamedTuple):
    """What the indexes say of filters: the events that match one of them if they are few, or else how many may."""

    few: Q | None
    expected: int | None
    """Of the filter that fewest match, as PostgreSQL's planner takes it; None if no index answers."""


def few_matching(filters: Filters) -> Answer:
    """The events that match one of the filters, if an index says that they are few, and how many if it says more."""
    expected = None
    for key in INDEXED:
        texts = filters.wanted.get(key, ())
        if texts and all(_has_index(key, text) for text in texts):
            # For both in one question SQLite may read the whole table, though each has an index.
            asked = ("actor_pk", "actor_name") if key == "actor" else (key,)
            found = [_few(Filters({one: texts})) for one in asked]
            if all(isinstance(some, list) for some in found):
                return Answer(_among(sorted({pk for some in found if isinstance(some, list) for pk in some})), None)
            numbers = [len(some) if isinstance(some, list) else some for some in found]
            if None not in numbers:
                number = sum(number or 0 for number in numbers)
                expected = number if expected is None else min(expected, number)
    return Answer(None, expected)


def _among(ids: list[int]) -> Q:
    """On PostgreSQL as rows: for each value of a list it might go through the whole BRIN index on time and id."""
    if vendor_of(connections[read_from()]) == "postgresql":
        return Q(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [ids]))
    return Q(pk__in=RawSQL(", ".join(map(str, ids)), []))  # noqa: S611  numbers, more than old versions take parameters


def _has_index(key: str, text: str) -> bool:
    if key == "object":
        label, _, pk = text.partition("/")
        return bool(pk) and is_of_a_model(label)
    return text not in USUAL and text != COMMITTED


def expected_of(found: QuerySet[SignalEvent, Any]) -> int | None:
    """How many events PostgreSQL's planner expects to be found; SQLite does not tell."""
    if vendor_of(connections[read_from()]) != "postgresql":
        return None
    estimate = _ROWS.search(found.order_by().explain(format="json"))
    return int(estimate[1]) if estimate else None


def _few(filters: Filters) -> list[int] | int | None:
    """Their ids; if they are not few, how many are expected, which SQLite does not tell."""
    found = filtered(events().order_by(), filters).values_list("pk", flat=True)
    if vendor_of(connections[read_from()]) == "postgresql":
        expected = expected_of(found)
        if expected is None or expected > FEW:  # it may have a plan that reads much before it has read so few
            return expected
    elif FIELD in filters.wanted:  # SQLite has no index of them
        return None
    few = list(found[: FEW + 1])
    return few if len(few) <= FEW else None
