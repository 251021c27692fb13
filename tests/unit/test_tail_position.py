"""A client's position in the log: case by case, and in a random order of everything that can happen."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_log.tail import position
from signal_log.tail.position import Position, Read
from tests.unit.position_model import Page, anchor, events, frontier, ids


def live(top: int) -> Position:
    """Return a client that began at the end of the log and has nothing to catch up with."""
    made = Position()
    made.began(frontier(top))
    assert made.next_read(frontier(top)) is None
    return made


def test_a_client_that_begins_at_the_end_has_nothing_to_read() -> None:
    """A client that begins at the end is live at once, and is sent the very batches that the hub hands out."""
    client = live(5)
    assert client.live
    batch = events(6, 7)
    assert client.offered(batch, frontier(5)) is batch
    assert client.cursor(frontier(7)) == anchor(7)


def test_a_client_that_resumes_reads_what_it_missed_and_is_live_then() -> None:
    """It reads from its cursor up to the hub's newest row, and its cursor does not run ahead meanwhile."""
    client, hub = Position(), frontier(9)
    client.resumed(anchor(4))
    read = client.next_read(hub)
    assert read == Read(4, (), anchor(9))
    assert client.cursor(hub) == anchor(4)
    rows = events(5, 7, 9)
    assert client.wanted(rows, hub) == rows
    client.read_returned(read, rows, (), complete=True)
    assert client.cursor(hub) == anchor(9)
    assert not client.live
    assert client.next_read(hub) is None
    assert client.live


def test_events_that_do_not_fit_are_read_again() -> None:
    """Position and cursor move to the last row before the first one that did not fit."""
    client, hub = Position(), frontier(9)
    client.resumed(anchor(4))
    read = client.next_read(hub)
    assert read is not None
    rows = events(5, 6, 7, 9)
    client.read_returned(read, rows, rows[2:], complete=True)
    assert client.cursor(hub) == anchor(6)
    assert client.next_read(hub) == Read(6, (), anchor(9))


def test_a_read_that_stopped_at_its_limit_continues_after_its_last_row() -> None:
    """The next read continues after the last row, even if the client did not want that row."""
    client, hub = Position(), frontier(9)
    client.resumed(anchor(4))
    read = client.next_read(hub)
    assert read is not None
    client.read_returned(read, events(5, 6), (), complete=False)
    assert client.next_read(hub) == Read(6, (), anchor(9))


def test_a_client_that_falls_behind_reads_on_from_what_it_was_sent() -> None:
    """The unsent rest of a batch is read again, including late events below the client's position."""
    client, before = live(5), frontier(9, settled=5, gaps=[6, 8])
    late = events(6, 8, 10)
    client.fell_behind(before, sent=late[:1], unsent=late[1:])
    assert not client.live
    assert client.cursor(frontier(10)) == anchor(5), "the cursor passed 8, which is still owed"
    read = client.next_read(frontier(10))
    assert read == Read(9, ((8, 8),), anchor(10))
    client.read_returned(read, late[1:], (), complete=True)
    assert client.cursor(frontier(10)) == anchor(10)


def test_a_late_event_below_the_place_of_a_client_that_is_behind_is_owed() -> None:
    """A late event below the client's position is owed; one above it is not, because it will be read anyway."""
    client = Position()
    client.began(frontier(9, settled=2, gaps=[3, 4]))
    before = frontier(9, settled=2, gaps=[3, 4])
    assert client.offered(events(4, 10), before) == ()
    assert client.cursor(frontier(10, settled=2, gaps=[3])) == anchor(2)
    assert client.next_read(frontier(10, settled=2, gaps=[3])) == Read(9, ((4, 4),), anchor(10))


def test_a_late_event_that_comes_during_a_read_is_owed_unless_the_read_found_it() -> None:
    """Until the read has returned, no cursor passes a late event that came during it."""
    client, before, after = Position(), frontier(9, settled=2, gaps=[3, 4]), frontier(9)
    client.resumed(anchor(2))
    read = client.next_read(before)
    assert read is not None
    client.offered(events(3, 4), before)
    rows = events(4, 5, 9)  # 3 did not exist yet when the table was read
    assert ids(client.wanted(rows, after)) == [4, 5, 9]
    client.read_returned(read, rows, (), complete=True)
    assert client.cursor(after) == anchor(2)
    assert client.next_read(after) == Read(9, ((3, 3),), anchor(9))


def test_rows_that_the_hub_has_yet_to_hand_out_are_left_to_it() -> None:
    """A row that is visible in the table but still a gap for the hub is left out, because the hub will offer it."""
    client, hub = Position(), frontier(9, settled=4, gaps=[5])
    client.resumed(anchor(4))
    read = client.next_read(hub)
    assert read is not None
    rows = events(5, 9)
    assert ids(client.wanted(rows, hub)) == [9]
    client.read_returned(read, rows, (), complete=True)
    assert client.next_read(hub) is None
    assert client.cursor(hub) == anchor(4)
    assert ids(client.offered(events(5), hub)) == [5]


def test_a_cursor_from_beyond_the_hub_s_frontier_is_not_sent_again_what_it_covers() -> None:
    """A cursor from another process, which had read further than this one, is honoured."""
    client = Position()
    client.resumed(anchor(8))
    assert client.next_read(frontier(5)) is None
    assert client.live
    assert ids(client.offered(events(7, 8, 9), frontier(5))) == [9]
    assert client.cursor(frontier(6)) == anchor(8), "the cursor went back"


def test_the_cursor_does_not_go_back_below_the_one_resumed_from() -> None:
    """The cursor never goes below the one resumed from, even if the hub waits for a lower id."""
    client, hub = Position(), frontier(9, settled=2, gaps=[3, 6])
    client.resumed(anchor(4))
    read = client.next_read(hub)
    assert read is not None
    client.read_returned(read, events(5, 9), (), complete=True)
    assert client.next_read(hub) is None
    client.fell_behind(hub, unsent=events(6))
    assert client.cursor(frontier(9, settled=2, gaps=[3])) == anchor(4)


def test_a_failed_read_is_repeated_with_events_that_came_during_it() -> None:
    """After a failed read nothing counts as delivered, and nothing that was owed is forgotten."""
    client, before = Position(), frontier(9, settled=2, gaps=[3])
    client.began(before)
    assert client.offered(events(3), before) == ()
    assert client.next_read(frontier(9)) == Read(9, ((3, 3),), anchor(9))
    assert client.offered(events(10), frontier(9)) == ()
    client.read_failed()
    assert client.next_read(frontier(10)) == Read(9, ((3, 3),), anchor(10))


def test_other_filters_hold_from_here_on_and_the_rest_is_still_read() -> None:
    """A live client continues from the newest row; one that is behind keeps its position."""
    client = live(5)
    client.filters_changed(frontier(9))
    assert not client.live
    assert client.next_read(frontier(10)) == Read(9, (), anchor(10))
    client.read_failed()
    client.filters_changed(frontier(12))
    assert client.next_read(frontier(12)) == Read(9, (), anchor(12))


def test_the_rest_of_a_backfill_is_owed_and_no_cursor_passes_it() -> None:
    """A backfill larger than the window is sent in parts."""
    client, hub = Position(), frontier(9)
    client.began(hub)
    assert client.backfill_read() == 9
    rows = events(2, 4, 6, 8)
    assert client.wanted_backfill(rows, hub) == rows
    client.backfill_returned(rows, rows[:2], rows[2:])
    assert client.cursor(hub) == anchor(4)
    assert client.next_read(hub) == Read(9, ((6, 6), (8, 8)), anchor(9))


def test_a_backfill_leaves_out_what_comes_anyway() -> None:
    """A backfill omits the hub's gaps and late events that are owed, since both arrive anyway."""
    client, hub = Position(), frontier(9, settled=2, gaps=[3, 5])
    client.began(hub)
    client.offered(events(5), hub)
    assert client.backfill_read() == 9
    assert ids(client.wanted_backfill(events(2, 3, 5, 9), frontier(9, settled=2, gaps=[3]))) == [2, 9]


def test_a_replaced_log_starts_from_scratch() -> None:
    """What was owed in the previous log is no longer asked for."""
    client, before = Position(), frontier(9, settled=2, gaps=[3])
    client.began(before)
    client.offered(events(3), before)
    assert client.next_read(frontier(9)) is not None
    client.offered(events(1, 4), frontier(0))
    client.log_replaced()
    client.began(frontier(4))
    assert client.next_read(frontier(4)) is None
    assert client.cursor(frontier(4)) == anchor(4)
    client.began(frontier(4, settled=1, gaps=[2]))
    client.offered(events(2), frontier(4, settled=1, gaps=[2]))
    assert client.next_read(frontier(4)) == Read(4, ((2, 2),), anchor(4))


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(10, 300), ranges=st.integers(1, 3))
def test_each_event_comes_once_and_no_cursor_passes_one_not_yet_sent(seed: int, steps: int, ranges: int) -> None:
    """Whatever happens in whatever order, nothing is lost and nothing comes twice on one socket.

    Commits, offers, falling behind, reads and what arrives during them, acknowledgements, reconnections and filter
    changes come in any order.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(position, "MAX_RANGES", ranges)
        page = Page(random.Random(seed))
        page.run_random_actions(steps)
        page.finish()
        assert page.to_come(page.committed) == [], "events were lost"
        page.take_cursor()
        assert page.cursor.id == max(page.committed, default=0)
