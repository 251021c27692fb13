"""How Python parses the filters in an address; the live page must do the same (``tests/js/vectors.test.js``)."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from signal_log.filters import KEYS, Filters
from signal_log.show.query.query import parse
from tests.factories import event_value
from tests.vectors.filter_cases import EVENTS, QUERIES


def table() -> list[dict[str, Any]]:
    """Return each query with the filters for the websocket, the pills that name them and the matching events."""
    return [_row(query) for query in QUERIES]


def passing(filters: Filters) -> list[int]:
    """Return the positions of the matching events."""
    events = [event_value(**event)._asdict() for event in EVENTS]
    return [place for place, event in enumerate(events) if filters.matches(event)]


def _row(text: str) -> dict[str, Any]:
    query = parse(QueryDict(text))
    assert not query.problems, query.problems
    assert query.filters == Filters.parse(query.given)  # the history and the websocket parse them alike
    return {
        "query": text,
        "wire": {key: query.given[key] for key in KEYS if key in query.given},
        "pills": [[pill.name, pill.excluded, pill.value] for pill in query.pills("/events/")],
        "passes": passing(query.filters),
    }
