"""Filters mean the same in SQL as in Python: the history and the live page agree."""

import uuid

import pytest

from signal_log.filters import Filters
from signal_log.store.read import as_mapping, events, filtered
from tests.factories import make_event

TRACE = uuid.UUID("11111111-2222-3333-4444-555555555555")


@pytest.fixture
def log(db):
    """A handful of events that differ in all that can be filtered by."""
    make_event(object_pk="1", object_repr="ada", actor_pk="7", actor_repr="grace")
    make_event(object_pk="2", object_repr="Grace", actor_pk="8", actor_repr="ada", signal="pre_save", source="shell")
    make_event(sender="users.Profile", object_pk="1", object_repr="ada's", outcome="rolled_back", error="KeyError: 9%")
    make_event(trace_id=TRACE, changes={"bio": [None, "Compiler_builder ÄÖ"]}, caused_by="users.signals.sync")
    make_event(object_repr="100% <b>", path="/a_b/", changes={"tags": [["x"], ["x", {"colour": 'Says "hi"'}]]})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"sender": "auth.User"},
        {"sender": ["auth.User", "users.Profile"], "signal": "!pre_save"},
        {"signal": "post_save", "outcome": "!committed"},
        {"actor": "ada"},
        {"actor": "8"},
        {"actor": ["!ada", "!nobody"]},
        {"object": "1"},
        {"object": "users.Profile/1"},
        {"object": "GRACE"},
        {"object": "!ada"},
        {"source": "shell"},
        {"trace": str(TRACE)},
        {"trace": "!" + str(TRACE).upper()},
        {"q": "compiler"},
        {"q": "compiler_b"},
        {"q": "100%"},
        {"q": "_"},
        {"q": "colour"},
        {"q": "sync"},
        {"q": 'says "hi"'},
        {"q": "!ada"},
        {"q": "keyerror", "sender": "users.Profile"},
        {"q": "nowhere to be found"},
    ],
    ids=str,
)
def test_sql_and_python_agree(log, given):
    """The same events pass both twins."""
    filters = Filters.parse(given)
    by_sql = {event.pk for event in filtered(events(), filters)}
    by_python = {event.pk for event in events() if filters.matches(as_mapping(event))}
    assert by_sql == by_python
    assert given == {} or by_sql != {event.pk for event in events()} or given.get("sender") is None
