"""A client's position in the log, against a model of hubs and a table in which anything may happen in any order."""

from __future__ import annotations

from collections.abc import Iterable

from signal_log.tail.cursor import START, Anchor, Frontier, Ids
from signal_log.tail.position import Position, Read
from signal_log.tail.wire import Encoded, encode


def event(number: int) -> Encoded:
    return encode({"id": number, "digest": f"{number:08x}"})


def events(*ids: int) -> list[Encoded]:
    return [event(number) for number in ids]


def anchor(number: int) -> Anchor:
    return event(number).anchor if number else START


def frontier(top: int, settled: int | None = None, gaps: Iterable[int] = ()) -> Frontier:
    missing = Ids()
    for number in gaps:
        missing.add(number)
    return Frontier("0badcafe", anchor(top), anchor(top if settled is None else settled), missing)


def ids(found: Iterable[Encoded]) -> list[int]:
    return [one.id for one in found]


def live(top: int) -> Position:
    """A client that has begun at the end of the log and has nothing to catch up with."""
    made = Position()
    made.began(frontier(top))
    assert made.next_read(frontier(top)) is None
    return made


def test_a_client_that_begins_at_the_end_has_nothing_to_read() -> None:
    """It is live at once, and is sent the very batches that the hub hands out."""
    client = live(5)
    assert client.live
    batch = events(6, 7)
    assert client.offered(batch, frontier(5)) is batch
    assert client.cursor(frontier(7)) == anchor(7)


def test_a_client_that_resumes_reads_what_it_missed_and_is_live_then() -> None:
    """From its cursor up to the hub's newest row; its cursor does not run ahead meanwhile."""
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


def test_what_does_not_fit_is_read_again() -> None:
    """The place is moved to the last row before it, and the cursor with it."""
    client, hub = Position(), frontier(9)
    client.resumed(anchor(4))
    read = client.next_read(hub)
    assert read is not None
    rows = events(5, 6, 7, 9)
    client.read_returned(read, rows, rows[2:], complete=True)
    assert client.cursor(hub) == anchor(6)
    assert client.next_read(hub) == Read(6, (), anchor(9))


def test_a_read_that_stopped_at_its_limit_goes_on_behind_its_last_row() -> None:
    """Also when that row was none that the client wanted."""
    client, hub = Position(), frontier(9)
    client.resumed(anchor(4))
    read = client.next_read(hub)
    assert read is not None
    client.read_returned(read, events(5, 6), (), complete=False)
    assert client.next_read(hub) == Read(6, (), anchor(9))


def test_who_falls_behind_reads_on_from_what_it_was_sent() -> None:
    """Of a batch that did not fit the rest is read, late events below the place too."""
    client, before = live(5), frontier(9, settled=5, gaps=[6, 8])
    late = events(6, 8, 10)
    client.fell_behind(before, sent=late[:1], unsent=late[1:])
    assert not client.live
    assert client.cursor(frontier(10)) == anchor(5), "8 is owed"
    read = client.next_read(frontier(10))
    assert read == Read(9, ((8, 8),), anchor(10))
    client.read_returned(read, late[1:], (), complete=True)
    assert client.cursor(frontier(10)) == anchor(10)


def test_a_late_event_below_the_place_of_a_client_that_is_behind_is_owed() -> None:
    """One above its place is not: it will be read in any case."""
    client = Position()
    client.began(frontier(9, settled=2, gaps=[3, 4]))
    before = frontier(9, settled=2, gaps=[3, 4])
    assert client.offered(events(4, 10), before) == ()
    assert client.next_read(frontier(10, settled=2, gaps=[3])) == Read(9, ((4, 4),), anchor(10))


def test_a_late_event_that_comes_during_a_read_is_owed_unless_the_read_found_it() -> None:
    """And until the read has returned no cursor passes it."""
    client, before, after = Position(), frontier(9, settled=2, gaps=[3, 4]), frontier(9)
    client.resumed(anchor(2))
    read = client.next_read(before)
    assert read is not None
    client.offered(events(3, 4), before)
    rows = events(4, 5, 9)  # the table was read when 3 was not there yet
    assert ids(client.wanted(rows, after)) == [4, 5, 9]
    client.read_returned(read, rows, (), complete=True)
    assert client.cursor(after) == anchor(2)
    assert client.next_read(after) == Read(9, ((3, 3),), anchor(9))


def test_what_the_hub_has_yet_to_hand_out_is_left_to_it() -> None:
    """A row that is visible in the table but still a gap of the hub's will be offered."""
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
    """Another process had read further than this one."""
    client = Position()
    client.resumed(anchor(8))
    assert client.next_read(frontier(5)) is None
    assert client.live
    assert ids(client.offered(events(7, 8, 9), frontier(5))) == [9]
    assert client.cursor(frontier(6)) == anchor(8), "it does not go back either"


def test_a_read_that_failed_is_made_again_with_what_came_meanwhile() -> None:
    """Nothing is taken, nothing is forgotten."""
    client, before = Position(), frontier(9, settled=2, gaps=[3])
    client.began(before)
    assert client.offered(events(3), before) == ()
    assert client.next_read(frontier(9)) == Read(9, ((3, 3),), anchor(9))
    assert client.offered(events(10), frontier(9)) == ()
    client.read_failed()
    assert client.next_read(frontier(10)) == Read(9, ((3, 3),), anchor(10))


def test_other_filters_hold_from_here_on_and_the_rest_is_still_read() -> None:
    """A live client goes on at the newest row; one that is behind keeps its place."""
    client = live(5)
    client.filters_changed(frontier(9))
    assert not client.live
    assert client.next_read(frontier(10)) == Read(9, (), anchor(10))
    client.read_failed()
    client.filters_changed(frontier(12))
    assert client.next_read(frontier(12)) == Read(9, (), anchor(12))


def test_the_rest_of_a_backfill_is_owed_and_no_cursor_passes_it() -> None:
    """A backfill that is larger than the window comes in parts."""
    client, hub = Position(), frontier(9)
    client.began(hub)
    assert client.backfill_read() == 9
    rows = events(2, 4, 6, 8)
    assert client.wanted_backfill(rows, hub) == rows
    client.backfill_returned(rows, rows[:2], rows[2:])
    assert client.cursor(hub) == anchor(4)
    assert client.next_read(hub) == Read(9, ((6, 6), (8, 8)), anchor(9))


def test_a_backfill_leaves_out_what_comes_anyway() -> None:
    """The hub's gaps, and late events that are owed."""
    client, hub = Position(), frontier(9, settled=2, gaps=[3, 5])
    client.began(hub)
    client.offered(events(5), hub)
    assert client.backfill_read() == 9
    assert ids(client.wanted_backfill(events(2, 3, 5, 9), frontier(9, settled=2, gaps=[3]))) == [2, 9]


def test_in_another_log_everything_begins_anew() -> None:
    """What was owed in the log before is no longer asked for."""
    client, before = Position(), frontier(9, settled=2, gaps=[3])
    client.began(before)
    client.offered(events(3), before)
    assert client.next_read(frontier(9)) is not None
    client.log_replaced()
    client.began(frontier(4))
    assert client.next_read(frontier(4)) is None
    assert client.cursor(frontier(4)) == anchor(4)
