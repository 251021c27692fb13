"""A model of a page, two hubs and a table in which anything happens in any order, to test a position against."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Final

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
