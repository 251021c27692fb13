"""The cascade of a trace is laid out as rows."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from signal_log.models import SignalEvent
from signal_log.show.trace.receivers import Known, Sampled
from signal_log.show.trace.tree import SAMPLES, Tree
from tests.factories import calls_of, event_value

START = datetime(2026, 11, 22, 9, 42, tzinfo=UTC)
TRACE = uuid.UUID(int=1)
CREATE_PROFILE = "users.signals.create_profile"


def event(position: int, signal: str, at: int = 0, **fields: Any) -> SignalEvent:
    """Return an event of the trace, ``at`` microseconds after its start."""
    receivers = fields.pop("receivers", ())
    fields = {"operation": position, **fields}
    moment = START + timedelta(microseconds=at)
    value = event_value(signal=signal, position=position, trace_id=TRACE, occurred_at=moment, **fields)
    made = SignalEvent(pk=position, **value._asdict())
    made.calls = calls_of(made, receivers)
    return made


def registration() -> list[SignalEvent]:
    """Return the events of a registration: saving the user, whose post_save creates the profile."""
    called = [{"receiver": CREATE_PROFILE, "duration_us": 900, "error": ""}]
    inside = {"parent_position": 2, "caused_by": CREATE_PROFILE, "sender": "users.Profile"}
    return [
        event(1, "pre_save", 0, operation=1),
        event(2, "post_save", 100, operation=1, created=True, receivers=called),
        event(3, "pre_save", 200, operation=3, **inside),
        event(4, "post_save", 500, operation=3, created=True, **inside),
    ]


def other_runs(p50: int, p99: int) -> Known:
    """Return 500 other runs of the user receiver with these percentiles."""
    return {(CREATE_PROFILE, "post_save", "auth.User"): Sampled(frozenset(), [p50] * 490 + [p99] * 10)}


def test_registration_reads_from_the_save_to_what_it_caused() -> None:
    """The rows run from saving the user through post_save and its receiver to the profile, each one level deeper."""
    rows = [(row.what, row.level, row.label, row.model) for row in Tree(registration()).rows()]
    assert rows == [
        ("operation", 1, "save", "User"),
        ("signal", 2, "post_save", "User"),
        ("receiver", 3, CREATE_PROFILE, ""),
        ("operation", 4, "save", "Profile"),
    ]


def test_bars_lie_on_one_axis() -> None:
    """The outermost bar fills the axis; the profile's bar begins 200 of 1,000 µs later."""
    tree = Tree(registration())
    rows = list(tree.rows())
    assert tree.total_us == 1_000
    assert (rows[0].x, rows[0].width) == (0, 1_000)
    assert (rows[3].x, rows[3].width) == (200, 300)
    assert all(row.x >= 0 and row.x + row.width <= 1_000 for row in rows)


def test_a_chain_is_laid_out_however_long_it_is() -> None:
    """Two thousand levels, of which each caused the next: deeper than Python can call."""
    inside = {"caused_by": CREATE_PROFILE}
    chain = (event(position, "post_save", parent_position=position - 1, **inside) for position in range(2, 2_001))
    first = event(1, "post_save", receivers=[{"receiver": CREATE_PROFILE, "duration_us": 9, "error": ""}])
    tree = Tree([first, *chain])
    assert [row.level for row in tree.rows() if row.what == "operation"] == list(range(1, 6_000, 3))
    assert len(list(tree.rows_of(1))) == 6_000 - 2


def test_a_missing_parent_is_named() -> None:
    """An event whose cause is missing is shown below a row that says so, not among the roots."""
    rows = list(Tree(registration()[2:]).rows())
    assert [(row.what, row.level) for row in rows] == [("missing", 1), ("operation", 2)]
    assert "position 2" in rows[0].label


def test_an_altered_row_that_is_its_own_cause_does_not_hang_the_page() -> None:
    """A cause that does not come before its effect counts as missing, so a tampered row cannot hang the page."""
    assert [row.what for row in Tree([event(1, "pre_save", parent_position=1)]).rows()] == ["missing", "operation"]


def test_receivers_that_were_not_recorded_still_carry_what_they_caused() -> None:
    """With RECEIVERS off, the receiver's name comes from the effect and has no time."""
    events = registration()
    events[1].calls = []
    receiver = [row for row in Tree(events).rows() if row.what == "receiver"]
    assert [(row.label, row.time) for row in receiver] == [(CREATE_PROFILE, "not timed")]


def test_many_equal_siblings_are_counted() -> None:
    """200 equal saves share one row with their count, total time and span, with a few examples below it."""
    called = [{"receiver": CREATE_PROFILE, "duration_us": 10}]
    events = [event(n, "post_save", n * 20, receivers=called) for n in range(1, 201)]
    rows = list(Tree(events).rows())
    assert [(row.what, row.level) for row in rows if row.level <= 2] == [
        ("many", 1),
        *[("operation", 2)] * SAMPLES,
        ("more", 2),
    ]
    assert (rows[0].label, rows[0].model, rows[0].time) == ("200 \u00d7 save", "User", "2.0 ms")
    assert (rows[0].x, rows[0].width) == (0, 1_000)
    assert rows[-1].label == "197 more like these"
    assert sum(row.what == "operation" for row in Tree(events, fold=False).rows()) == 200


def saves(number: int, **changed: Any) -> list[SignalEvent]:
    """Return saves in a loop whose receivers each save something else; ``changed`` replaces parts of the third."""
    events = []
    for n in range(number):
        top, at = n * 2 + 1, n * 100
        called = [{"receiver": CREATE_PROFILE, "duration_us": 40, "error": ""}]
        events.append(event(top, "post_save", at, receivers=called))
        inside = {"sender": "users.Profile", "parent_position": top, "caused_by": CREATE_PROFILE}
        events.append(event(top + 1, "post_save", at + 5, **inside | (changed if n == 2 else {})))
    return events


def test_saves_that_each_set_off_the_same_are_counted_too() -> None:
    """An N+1 loop becomes one row, even if each save has receivers and saves of its own."""
    rows = list(Tree(saves(100)).rows())
    assert [row.what for row in rows if row.level <= 2] == ["many", *["operation"] * SAMPLES, "more"]
    assert rows[0].label.startswith("100 ")
    assert len(rows) == 2 + SAMPLES * 4


@pytest.mark.parametrize("changed", [{"sender": "shop.Item"}, {"outcome": "failed"}, {"caused_by": "other"}])
def test_one_that_set_off_something_else_is_never_counted_away(changed: dict[str, Any]) -> None:
    """A save that differs from its siblings keeps its own rows."""
    rows = list(Tree(saves(12, **changed)).rows())
    assert [row.what for row in rows if row.level == 1] == ["operation", "operation", "operation", "many"]


def test_an_error_of_a_receiver_is_never_counted_away() -> None:
    """A receiver that raised once in a hundred saves keeps its own row."""
    events = saves(100)
    events[100].calls = calls_of(
        events[100], [{"receiver": CREATE_PROFILE, "duration_us": 40, "error": "ValueError: no"}]
    )
    rows = list(Tree(events).rows())
    assert [row.what for row in rows if row.level == 1] == ["many", "operation", "many"]
    assert [row.bad for row in rows if row.bad] == ["failed"]


def test_a_slow_receiver_changes_nothing_about_what_is_equal() -> None:
    """1,200 equal saves are one row however long their receivers took; the one that took longest is shown."""
    events = saves(1_200)
    for n, event in enumerate(events[::2]):
        event.calls = calls_of(
            event, [{"receiver": CREATE_PROFILE, "duration_us": 150_000 if n == 700 else 40 + n % 9}]
        )
    rows = list(Tree(events, other_runs(40, 900)).rows())
    assert [(row.what, row.label) for row in rows if row.level == 1] == [("many", "1,200 \u00d7 save")]
    shown = [row.position for row in rows if row.what == "operation" and row.level == 2]
    assert shown == [1, 3, 1_401]
    assert [(row.label, row.standing and row.standing.unusual) for row in rows if row.slow] == [(CREATE_PROFILE, True)]


def test_slow_is_absolute() -> None:
    """A run of 100 ms is slow whatever is usual, and one of a fifth of its trace; 30 ms of a second are not."""
    for us, whole_us, slow in ((100_000, 10_000_000, True), (30_000, 150_000, True), (30_000, 1_000_000, False)):
        events = [event(1, "post_save", receivers=[{"receiver": CREATE_PROFILE, "duration_us": us}])]
        for known in (other_runs(us, us), other_runs(us // 90, us // 80), {}):
            rows = list(Tree(events, known, whole_us=whole_us).rows())
            assert [row.slow for row in rows] == [False, False, slow]


def test_the_critical_path_is_marked_among_receivers_that_ran_together() -> None:
    """Of receivers that overlap, which only async ones do, the save waited for the one that ended last."""
    made = event(1, "post_save")
    made.calls = calls_of(
        made, [{"receiver": name, "duration_us": us} for name, us in (("a", 50), ("b", 90), ("c", 10))]
    )
    for call in made.calls[:2]:
        call.started_us = 100
    made.calls[2].started_us = 500
    assert [row.label for row in Tree([made]).rows() if row.critical] == ["b"]


def test_own_time_is_what_the_rows_below_do_not_explain() -> None:
    """Own time excludes the rows below: the save took 1,000 µs, its receiver 900, the profile's save in it 300."""
    own = {(row.what, row.label, row.model): (row.time, row.own) for row in Tree(registration()).rows()}
    assert own == {
        ("operation", "save", "User"): ("1.0 ms", "100 µs"),
        ("signal", "post_save", "User"): ("900 µs", ""),
        ("receiver", CREATE_PROFILE, ""): ("900 µs", "600 µs"),
        ("operation", "save", "Profile"): ("300 µs", ""),
    }


def test_a_bar_is_as_long_as_it_took() -> None:
    """A bar is exactly as long as its duration, however short; a signal without receivers is a line without a time."""
    called = [{"receiver": CREATE_PROFILE, "duration_us": 10}]
    rows = list(Tree([event(1, "post_save"), event(2, "pre_save", 999_990, receivers=called)]).rows())
    assert [(row.width, row.time) for row in rows] == [(0.001, ""), *[(0.01, "10 µs")] * 3]
    assert [row.width for row in Tree([event(1, "pre_save", parent_position=9)]).rows()] == [None, 1_000]


def test_a_cause_lasts_as_long_as_its_effects() -> None:
    """Without telemetry, an operation is as long as what it caused, which the events tell."""
    events = registration()
    events[1].calls = []
    rows = {(row.what, row.model): row.time for row in Tree(events).rows()}
    assert rows == {
        ("operation", "User"): "500 µs",
        ("signal", "User"): "400 µs",
        ("receiver", ""): "not timed",
        ("operation", "Profile"): "300 µs",
    }


def test_what_was_raised_after_the_change_undid_nothing() -> None:
    """A receiver of post_save that raised after the commit says that the change stays committed."""
    called = [{"receiver": CREATE_PROFILE, "duration_us": 10, "error": "ValueError: no"}]
    errors = {
        (signal, outcome): [row.error for row in Tree([event(1, signal, receivers=called, outcome=outcome)]).rows()][-1]
        for signal, outcome in (("post_save", "committed"), ("post_save", "rolled_back"), ("pre_save", "committed"))
    }
    assert errors == {
        ("post_save", "committed"): "ValueError: no · the change stays committed",
        ("post_save", "rolled_back"): "ValueError: no",
        ("pre_save", "committed"): "ValueError: no",
    }


def test_a_run_is_compared_with_its_receivers_other_runs() -> None:
    """A receiver's run is compared with its other runs for the same signal, if those were looked up."""
    known = other_runs(300, 900)
    standings = [row.standing for row in Tree(registration(), known).rows()]
    assert [bool(standing) for standing in standings] == [False, False, True, False]
    assert standings[2] is not None
    assert standings[2].text == "p50 300 µs · p99 900 µs · n=500"


def test_errors_stand_beside_their_receiver_and_operation() -> None:
    """A receiver that raised shows its error, and so does the operation that failed."""
    called = [{"receiver": "shop.bad", "duration_us": 5, "error": "ValueError: no"}]
    rows = list(Tree([event(1, "pre_save", receivers=called, outcome="failed", error="ValueError: no")]).rows())
    assert [(row.what, row.error) for row in rows if row.error] == [
        ("operation", "ValueError: no"),
        ("receiver", "ValueError: no"),
    ]
    assert rows[0].style == "failed"
    assert [row.bad for row in rows] == ["failed", "", "failed"]
    assert [row.time for row in rows] == ["", "5 µs", "5 µs"]  # how long the save itself took, nobody knows


def test_rolled_back_and_failed_operations_are_told_apart() -> None:
    """The failed operation is told apart from those that were only rolled back with it."""
    events = [event(1, "post_save", outcome="rolled_back"), event(2, "post_save", outcome="failed"), event(3, "m2m")]
    assert [row.bad for row in Tree(events).rows()] == ["undone", "failed", ""]


def test_depth_counts_operations_in_each_other() -> None:
    """Depth counts nested operations: a user's save with profiles' saves inside it is two deep."""
    assert Tree(registration()).depth == 2
    assert Tree(saves(100)).depth == 2
    assert Tree([]).depth == 0
