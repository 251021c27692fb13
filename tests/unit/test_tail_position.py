"""A client's position in the log, against a model of hubs and a table in which anything happens in any order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_log.tail import position
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


# --- any order of everything --------------------------------------------------------------------------

FILTERS: Final[list[Callable[[int], bool]]] = [
    lambda number: True,
    lambda number: number % 5 > 0,
    lambda number: number % 7 > 0,
]


class Hub:
    """A hub that reads the whole table in one moment; what may be missing was pending then or at the read before."""

    def __init__(self) -> None:
        self.handed_out: set[int] = set()
        self.pending_before: set[int] = set()
        self.frontier = frontier(0)

    def advance(self, committed: set[int], pending: set[int]) -> list[int]:
        """Take in what this read found and none did before."""
        new = sorted(committed - self.handed_out)
        self.handed_out |= committed
        top = max(self.handed_out, default=0)
        gaps = sorted(number for number in (pending | self.pending_before) - committed if number < top)
        settled = max((number for number in self.handed_out if not gaps or number < gaps[0]), default=0)
        self.frontier = frontier(top, settled, gaps)
        self.pending_before = set(pending)
        return new


class Page:
    """A page, cut off and resumed at either of two hubs, whose window takes a few unacknowledged events."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.committed: set[int] = set()
        self.pending: set[int] = set()
        self.next_id = 1
        for _ in range(dice.randint(0, 9)):
            self.write()
        self.hubs = [Hub(), Hub()]
        for hub in self.hubs:
            hub.advance(self.committed, self.pending)
        self.hub = self.hubs[0]
        self.filters = FILTERS[0]
        self.filters_used = {self.filters}
        self.before_it_began = set(self.committed)
        self.received: set[int] = set()
        self.open_socket()
        self.client.began(self.hub.frontier)
        self.take_cursor()

    def open_socket(self) -> None:
        self.client = Position()
        self.lowest_cursor = 0
        self.on_socket: set[int] = set()
        self.unacknowledged = 0
        self.read: Read | None = None
        self.backfill: int | None = None
        self.rows: list[Encoded] | None = None

    # --- the table --------------------------------------------------------------------------------
    def write(self) -> None:
        """Let a transaction take an id, commit or roll back."""
        action = self.dice.choices(["take", "commit", "roll back"], [4, 3, 1])[0]
        if action == "take" or not self.pending:
            self.pending.add(self.next_id)
            self.next_id += 1
            return
        number = self.dice.choice(sorted(self.pending))
        self.pending.discard(number)
        if action == "commit":
            self.committed.add(number)

    # --- what the hub does ------------------------------------------------------------------------
    def hub_reads(self) -> None:
        hub = self.dice.choice(self.hubs)
        before = hub.frontier
        batch = events(*filter(self.filters, hub.advance(self.committed, self.pending)))
        if hub is not self.hub or not batch:
            return
        new = self.client.offered(batch, before)
        room = max(0, self.dice.randint(0, 4) - self.unacknowledged)
        self.receive(new[:room])
        if len(new) > room:
            self.client.fell_behind(before, new[:room], new[room:])
        self.take_cursor()

    def hub_waits_in_vain(self) -> None:
        if self.client.live:
            self.client.fell_behind(self.hub.frontier)

    # --- what the page does -----------------------------------------------------------------------
    def acknowledge(self) -> None:
        self.unacknowledged = 0

    def reconnect(self) -> None:
        self.hub = self.dice.choice(self.hubs)
        self.open_socket()
        self.lowest_cursor = self.cursor.id
        self.on_socket.update(range(self.cursor.id + 1))  # the client has these and says so
        self.client.resumed(self.cursor)
        self.take_cursor()

    def change_filters(self) -> None:
        if self.reading:
            return
        self.filters = self.dice.choice(FILTERS)
        self.filters_used.add(self.filters)
        self.client.filters_changed(self.hub.frontier)
        self.take_cursor()
        if self.dice.random() < 0.5:
            self.backfill = self.client.backfill_read()

    # --- reads, which the table answers at one moment and which return at another ------------------
    @property
    def reading(self) -> bool:
        return self.read is not None or self.backfill is not None

    def read_on(self) -> None:
        if self.rows is not None and self.dice.random() < 0.9:
            self.read_returns()
        elif self.reading and self.dice.random() < 0.9:
            self.table_answers()
        elif self.reading:
            self.client.read_failed()
            self.read = self.backfill = self.rows = None
            self.take_cursor()
        elif not self.client.live:
            self.read = self.client.next_read(self.hub.frontier)

    def table_answers(self) -> None:
        self.limit = self.dice.randint(1, 5)
        if self.backfill is not None:
            matching = filter(self.filters, sorted(self.committed))
            self.rows = events(*[number for number in matching if number <= self.backfill][-self.limit :])
        elif read := self.read:
            asked = [range(read.above + 1, read.up_to.id + 1), *(range(low, high + 1) for low, high in read.ranges)]
            found = sorted(number for number in self.committed if any(number in numbers for numbers in asked))
            self.rows = events(*found[: self.limit])

    def read_returns(self) -> None:
        rows, room = self.rows or [], self.dice.randint(1, 5)
        if self.read is not None:
            wanted = [row for row in self.client.wanted(rows, self.hub.frontier) if self.filters(row.id)]
            self.client.read_returned(self.read, rows, wanted[room:], complete=len(rows) < self.limit)
        else:
            wanted = self.client.wanted_backfill(rows, self.hub.frontier)
            self.client.backfill_returned(rows, wanted[:room], wanted[room:])
            self.lowest_cursor = 0
            for forget in (self.received, self.on_socket, self.before_it_began):
                forget.difference_update(ids(wanted))  # a backfill may send what was sent before
        self.read = self.backfill = self.rows = None
        self.receive(wanted[:room])
        self.take_cursor()

    # --- what must hold ---------------------------------------------------------------------------
    def receive(self, sent: Sequence[Encoded]) -> None:
        numbers = ids(sent)
        assert numbers == sorted(numbers)
        assert set(numbers) <= self.committed
        assert not self.on_socket & set(numbers), "sent twice on one socket"
        self.on_socket |= set(numbers)
        self.received |= set(numbers)
        self.unacknowledged += len(numbers)

    def take_cursor(self) -> None:
        self.cursor = self.client.cursor(self.hub.frontier)
        to_come = self.to_come(self.committed | self.pending)
        assert not to_come or self.cursor.id < min(to_come), "the cursor passes an event that was not sent yet"
        assert self.cursor.id >= self.lowest_cursor, "the cursor goes back below the one resumed from"

    def to_come(self, numbers: set[int]) -> list[int]:
        """Return the events still due to the page; filters apply from the moment they are set."""
        new = numbers - self.received - self.before_it_began
        return [number for number in new if all(matches(number) for matches in self.filters_used)]

    def run_random_actions(self, steps: int) -> None:
        actions = [
            *[self.write] * 8,
            *[self.read_on] * 8,
            *[self.hub_reads] * 6,
            *[self.take_cursor] * 2,
            *[self.acknowledge] * 2,
            self.reconnect,
            self.change_filters,
            self.hub_waits_in_vain,
        ]
        for _ in range(steps):
            self.dice.choice(actions)()

    def finish(self) -> None:
        """Stop writing, and let the page read until it is live."""
        self.committed |= self.pending
        self.pending = set()
        for _ in range(30):
            self.hub_reads()
        while not self.client.live:
            self.read_on()
            self.acknowledge()


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
