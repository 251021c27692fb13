"""The cascade of a trace as rows."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from signal_log.models import SignalEvent
from signal_log.show.tree import FOLD_ABOVE, Tree
from tests.factories import event_value

START = datetime(2026, 11, 22, 9, 42, tzinfo=UTC)
TRACE = uuid.UUID(int=1)
CREATE_PROFILE = "users.signals.create_profile"


def event(position: int, signal: str, at: int = 0, **fields: Any) -> SignalEvent:
    """An event of the trace, ``at`` microseconds after its start."""
    fields = {"duration_us": 10, "operation": position, **fields}
    moment = START + timedelta(microseconds=at)
    value = event_value(signal=signal, position=position, trace_id=TRACE, occurred_at=moment, **fields)
    return SignalEvent(pk=position, **asdict(value))


def registration() -> list[SignalEvent]:
    """What registering fires: the user's save, whose post_save makes the profile."""
    called = [{"receiver": CREATE_PROFILE, "duration_us": 900, "error": ""}]
    inside = {"parent_position": 2, "caused_by": CREATE_PROFILE, "sender": "users.Profile"}
    return [
        event(1, "pre_save", 0, operation=1),
        event(2, "post_save", 100, operation=1, created=True, receivers=called, duration_us=900),
        event(3, "pre_save", 200, operation=3, **inside),
        event(4, "post_save", 500, operation=3, created=True, **inside),
    ]


def test_registration_reads_from_the_save_to_what_it_caused() -> None:
    """save User → post_save → the receiver → save Profile, each one level deeper."""
    rows = [(row.what, row.level, row.label, row.model) for row in Tree(registration()).rows()]
    assert rows == [
        ("operation", 1, "save", "User"),
        ("signal", 2, "post_save", "User"),
        ("receiver", 3, CREATE_PROFILE, ""),
        ("operation", 4, "save", "Profile"),
    ]


def test_bars_lie_on_one_axis() -> None:
    """The outermost bar fills the axis; the profile's begins 200 of 1,000 µs later."""
    tree = Tree(registration())
    rows = list(tree.rows())
    assert tree.total_us == 1_000
    assert (rows[0].x, rows[0].width) == (0, 1_000)
    assert (rows[3].x, rows[3].width) == (200, 310)
    assert all(row.x >= 0 and row.x + row.width <= 1_000 for row in rows)


def test_a_missing_parent_is_said() -> None:
    """An event whose cause is not there stands below a row that says so, not among the roots."""
    rows = list(Tree(registration()[2:]).rows())
    assert [(row.what, row.level) for row in rows] == [("missing", 1), ("operation", 2)]
    assert "position 2" in rows[0].label


def test_an_altered_row_that_is_its_own_cause_does_not_hang_the_page() -> None:
    """Causes that do not come before their effects count as missing."""
    assert [row.what for row in Tree([event(1, "pre_save", parent_position=1)]).rows()] == ["missing", "operation"]


def test_receivers_that_were_not_recorded_still_carry_what_they_caused() -> None:
    """With RECEIVERS off the cause's name comes from the effect, without a time."""
    events = registration()
    events[1].receivers = []
    receiver = [row for row in Tree(events).rows() if row.what == "receiver"]
    assert [(row.label, row.time) for row in receiver] == [(CREATE_PROFILE, "not timed")]


def test_many_equal_siblings_are_counted() -> None:
    """Of 200 equal saves a few are shown, the rest is one row with their number and time."""
    rows = list(Tree([event(n, "post_save", n * 20) for n in range(1, 201)]).rows())
    assert [row.what for row in rows] == ["operation"] * (FOLD_ABOVE - 2) + ["more"]
    assert rows[-1].label.startswith("197 ")


def test_errors_stand_beside_their_receiver_and_operation() -> None:
    """A raising receiver is named with its error; the operation with its own."""
    called = [{"receiver": "shop.bad", "duration_us": 5, "error": "ValueError: no"}]
    rows = list(Tree([event(1, "pre_save", receivers=called, outcome="failed", error="ValueError: no")]).rows())
    assert [(row.what, row.error) for row in rows if row.error] == [
        ("operation", "ValueError: no"),
        ("receiver", "ValueError: no"),
    ]
    assert rows[0].style == "failed"


def test_depth_counts_operations_in_each_other() -> None:
    """A user's save with the profile's in it is two deep."""
    assert Tree(registration()).depth == 2
