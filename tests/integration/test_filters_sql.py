"""Filters mean the same in SQL as in Python, so the history and the live page agree."""

from __future__ import annotations

from typing import Any

import pytest

from signal_log.filters import Filters
from signal_log.store.read import as_mapping, events, filtered
from tests.factories import make_event
from tests.vectors import tables
from tests.vectors.filter_cases import EVENTS, TRACE


@pytest.fixture
def log(db: None) -> list[int]:
    """Create the events of the table, which differ in everything that can be filtered by, and return their ids."""
    return [make_event(**event).pk for event in EVENTS]


@pytest.mark.parametrize("case", tables.read("filters"), ids=lambda case: case["query"][:40])
def test_sql_and_python_agree(log: list[int], case: dict[str, Any]) -> None:
    """SQL and Python both let through exactly the events that the table names."""
    filters = Filters.parse(case["wire"])
    wanted = {log[place] for place in case["passes"]}
    assert {event.pk for event in filtered(events(), filters)} == wanted
    assert {event.pk for event in events() if filters.matches(as_mapping(event))} == wanted


def test_a_trace_may_be_written_in_capitals(log: list[int]) -> None:
    """A trace is a UUID, however it is spelled."""
    filters = Filters.parse({"trace": "!" + TRACE.upper()})
    assert {event.pk for event in filtered(events(), filters)} == {pk for pk in log if pk != log[3]}
