"""Pages that filter by time, against a model of the database in which traces end at any moment."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_log.filters import Filters
from signal_log.query_language.keys import TOOK
from signal_log.store.ended_traces import Unended
from signal_log.tail import catchup, timed, untimed, window, wire
from signal_log.tail.client import Client
from signal_log.tail.cursor import Anchor, Frontier, Ids
from signal_log.tail.guard import Identity
from signal_log.tail.timed import Timed
from signal_log.tail.untimed import Untimed, Waiting
from tests.unit.test_tail_client import FakeHub, Reader, Table, row, signal_of
from tests.unit.test_tail_cursor import mark

FOR_LONG = {TOOK: ">1s"}


def is_slow(number: int) -> bool:
    return number % 2 == 0


class TimedTable(Table):
    """Every row is a trace of its own, and is known to be slow once that has ended."""

    alias = "default"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.ended: set[int] = set()

    def act(self) -> None:
        super().act()
        running = sorted(self.committed - self.ended)
        if running and self.dice.random() < 0.5:
            self.ended.add(self.dice.choice(running))

    def finish(self) -> None:
        super().finish()
        self.ended |= self.committed

    def read(
        self, above: int, ranges: Any, limit: int, *, up_to: int | None = None, filters: Filters | None = None
    ) -> list[dict[str, Any]]:
        rows = super().read(above, ranges, 10**6, up_to=up_to, filters=filters.untimed if filters else None)
        return [self.told(one) for one in self.matching(rows, filters)][:limit]

    def last(self, *given: Any, **named: Any) -> Any:
        raise AssertionError("nobody asks for a backfill here")

    def among(self, numbers: Sequence[int], filters: Filters) -> list[dict[str, Any]]:
        self.disturb()
        return [self.told(one) for one in self.matching([row(n) for n in sorted(numbers)], filters)]

    def matching(self, rows: list[dict[str, Any]], filters: Filters | None) -> list[dict[str, Any]]:
        if filters is None or not filters.needs_times:
            return rows
        return [one for one in rows if one["id"] in self.ended and is_slow(one["id"])]

    def told(self, one: dict[str, Any]) -> dict[str, Any]:
        return one | {"trace_id": str(one["id"]), "occurred_at": "1"}

    def borrow(self, question: Any) -> Any:
        self.disturb()
        return question()


class FakeEnds:
    """What ``Ends`` would read of the model."""

    log: TimedTable

    def __init__(self, _: str) -> None:
        self.told: set[int] = set()

    def begin(self, up_to: int) -> tuple[tuple[int, str], list[Unended]]:
        found = sorted(n for n in self.log.committed - self.log.ended if n <= up_to)
        below = max((n for n in self.log.committed if found and n < found[0]), default=0)
        return (below, mark(below) if below else ""), [Unended(n, mark(n), str(n), "1") for n in found]

    def look(self, _: Sequence[str]) -> dict[str, str]:
        new = self.log.ended - self.told
        self.told |= new
        return {str(number): "2" for number in new}


class TimedHub(FakeHub):
    """A hub whose pages may filter by time; ``look`` is the timed feed's task, one step at a time."""

    def __init__(self, log: Table, dice: random.Random) -> None:
        super().__init__(log, dice)
        self.timed = Timed(self.feed)

    def feed_of(self, filters: Filters) -> Any:
        return self.timed.feed if filters.needs_times else self.feed

    def subscribed(self, client: Client, filters: Filters) -> None:
        self.remove(client)
        (self.timed.subscriptions if filters.needs_times else self.subscriptions).put(client, filters)

    def remove(self, client: Client) -> None:
        self.subscriptions.remove(client)
        self.timed.subscriptions.remove(client)

    def advance(self) -> None:
        if not self.started:
            return super().advance()
        seen: list[Any] = []
        publish, self.subscriptions.publish = self.subscriptions.publish, lambda *told: seen.append(told)  # type: ignore[method-assign]
        try:
            super().advance()
        finally:
            self.subscriptions.publish = publish  # type: ignore[method-assign]
        for events, before, after in seen:
            publish(events, before, after)
            self.timed.handed_out(events, before)
        return None


class TimedReader(Reader):
    """A page that filters by time from its first subscription on, or changes to it."""

    hub: TimedHub
    wanted = FOR_LONG

    def connect(self) -> None:
        self.client = Client(self.hub.feed, Identity(1, None), self.hub.subscribed, self.hub.feed_of)
        self.this_socket = []
        self.unacknowledged = []
        self.tell(type="subscribe", after=self.cursor, filters=self.wanted)

    def disconnect(self) -> None:
        self.client.catch_up.stop()
        self.hub.remove(self.client)

    def collect(self) -> None:
        known = self.since
        super().collect()
        if known is None and self.since is not None:  # what was decided by then is not new
            frontier = self.client.catch_up.feed.frontier
            gaps = frontier.gaps
            self.already = {n for n in self.hub.log.committed if n <= frontier.top.id and n not in gaps}


async def run_random_actions(seed: int, steps: int, outages: float) -> None:
    dice = random.Random(seed)
    log = TimedTable(dice, steps, outages)
    FakeEnds.log = log
    hubs = [TimedHub(log, dice), TimedHub(log, dice)]
    for hub in hubs:
        while not hub.started:
            hub.advance()
    tasks = [asyncio.create_task(hub.timed._run()) for hub in hubs]
    for hub in hubs:
        hub.timed._used_at = float("inf")
    readers = [TimedReader(hubs[0], None), TimedReader(hubs[1], None)]  # type: ignore[arg-type]
    for _ in range(steps):
        log.steps = max(log.steps, 1)
        reader = dice.choice(readers)
        action = dice.choices(["write", "read", "receive", "ack", "cut", "ping", "turn"], [5, 4, 4, 2, 1, 1, 8])[0]
        if action == "write":
            log.act()
        elif action == "read":
            dice.choice(hubs).advance()
        elif action == "receive":
            reader.collect()
        elif action == "ack":
            reader.acknowledge()
        elif action == "ping":
            reader.tell(type="ping")
        elif action == "cut" and reader.since is not None:
            reader.disconnect()
            reader.hub = dice.choice(hubs)
            reader.connect()
        else:
            await asyncio.sleep(0)
    log.finish()
    for _ in range(150):
        for hub in hubs:
            hub.advance()
        for reader in readers:
            reader.collect()
            reader.acknowledge()
        for _ in range(8):
            await asyncio.sleep(0)
    for task in tasks:
        assert not task.done(), task.exception()
        task.cancel()
    for reader in readers:
        assert reader.since is not None
        expected = {n for n in log.committed - reader.already if is_slow(n)}
        assert expected - set(reader.seen) == set(), "events were lost"
        assert set(reader.seen) <= {n for n in log.committed if is_slow(n)}
        assert reader.client.position.live
        reader.disconnect()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    steps=st.integers(50, 300),
    outages=st.sampled_from([0, 0.02]),
    rows_per_read=st.integers(1, 5),
    room=st.integers(2, 9),
    at_once=st.integers(1, 4),
)
def test_a_page_that_filters_by_time_gets_each_slow_event_and_none_twice_on_a_socket(
    seed: int, steps: int, outages: float, rows_per_read: int, room: int, at_once: int
) -> None:
    """Whenever traces end and transactions commit, in two processes, with pages that stall and reconnect (G5)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("signal_log.tail.reader.MAX_ROWS", rows_per_read + 1)
        patch.setattr("signal_log.tail.reader.CHECK_EVERY", float("inf"))
        patch.setattr("signal_log.tail.reader.START_TIMEOUT", 0)
        patch.setattr(catchup, "MAX_ROWS", rows_per_read)
        patch.setattr("signal_log.tail.pace.FIRST", at_once)
        patch.setattr("signal_log.tail.pace.MOST", 4)
        patch.setattr("signal_log.tail.position.MAX_RANGES", 2)
        patch.setattr(window, "MAX_EVENTS", room)
        patch.setattr(wire, "EVENTS_PER_FRAME", 2)
        patch.setattr("signal_log.tail.client.MAX_MESSAGES", 10**6)
        patch.setattr(timed, "LOOK_EVERY", 0)
        patch.setattr(timed, "AT_ONCE", at_once)
        patch.setattr(timed, "Ends", FakeEnds)
        asyncio.run(run_random_actions(seed, steps, outages))


def waiting(number: int, trace: str, at: str = "1") -> Waiting:
    return Waiting(Anchor(number, mark(number)), trace, at)


def frontier(top: int) -> Frontier:
    return Frontier("0badcafe", Anchor(top, mark(top)), Anchor(top, mark(top)), Ids())


def test_a_cursor_waits_for_traces_that_are_not_over() -> None:
    """It stays below their first event; an event that the tail brings after the end is decided at once."""
    log = Untimed()
    log.note([waiting(11, "a"), waiting(12, "b"), waiting(13, "a")], frontier(10), 0)
    seen = log.frontier(frontier(13))
    assert (seen.settled.id, seen.top.id, seen.gaps.ranges) == (10, 13, [(11, 13)])
    assert log.ended({"a": "2"}) == []
    assert log.ready(9) == [11, 13]
    log.released(2)
    assert log.frontier(frontier(13)).settled.id == 11
    log.note([waiting(14, "a")], frontier(13), 1)
    assert log.ready(9) == [14]
    log.note([waiting(15, "a", at="3")], frontier(14), 1)  # a streamed response goes on after its end
    assert (log.ready(9), log.again()) == ([14], ["a"])
    log.ended({"a": "4"})
    assert log.ready(9) == [14, 15]


def test_a_trace_that_says_nothing_for_long_no_longer_holds_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """If it ends after all, its events still come; and only so many wait."""
    log = Untimed()
    log.note([waiting(11, "a"), waiting(12, "b")], frontier(10), 0)
    log.note([waiting(13, "b")], frontier(12), untimed.PENDING)
    log.overdue(untimed.PENDING)
    assert log.ready(9) == [11]
    log.released(1)
    assert log.frontier(frontier(13)).settled.id == 11
    assert log.ended({"a": "2"}) == [11]
    monkeypatch.setattr(untimed, "MOST", 1)
    log.overdue(untimed.PENDING)
    assert log.ready(9) == [12, 13]


def test_it_stops_when_nobody_filters_by_time_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """And starts again with the next; nobody is left waiting at a feed that has stopped."""
    monkeypatch.setattr(timed, "LOOK_EVERY", 0)
    monkeypatch.setattr(timed, "IDLE", 0)
    monkeypatch.setattr(timed, "Ends", FakeEnds)

    async def scene() -> None:
        dice = random.Random(1)
        FakeEnds.log = log = TimedTable(dice, 0, 0)
        hub = FakeHub(log, dice)
        while not hub.started:
            hub.advance()
        of = Timed(hub.feed)
        assert of.go() is of.feed
        task = of._task
        assert task is not None
        await asyncio.wait_for(task, 5)
        assert not of.feed.started.is_set()
        monkeypatch.setattr(timed, "IDLE", 60)
        await asyncio.wait_for(of.go().started.wait(), 5)
        of.stop()

    asyncio.run(scene())


def test_what_matched_without_times_is_not_told_again_when_they_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of events whose trace was given up on, those come that times alone decide, wherever a query names them."""
    monkeypatch.setattr(timed, "Ends", FakeEnds)
    told: list[int] = []

    class Page:
        def offer(self, events: Sequence[Any], *_: Any) -> None:
            told.extend(event.event["id"] for event in events)

    async def handed_out(query: str, *, late: bool) -> list[int]:
        told.clear()
        hub = TimedHub(log, dice)
        while not hub.started:
            hub.advance()
        hub.timed.feed.start(hub.feed.frontier)
        hub.timed.subscriptions.put(Page(), Filters.parse({"q": query}))  # type: ignore[arg-type]
        hub.timed._untimed._ready.extend([2, 4, 6, 8])
        await hub.timed._hand_out([2, 4, 6, 8], late=late)
        return told.copy()

    dice = random.Random(1)
    log = TimedTable(dice, 0, 0)
    log.ended = {2, 4, 6, 8}
    some = [number for number in (2, 4, 6, 8) if signal_of(number) == signal_of(2)]
    assert 0 < len(some) < 4
    others = sorted({2, 4, 6, 8} - {*some})
    for query, late in (("took:>1s", [2, 4, 6, 8]), ("-took:<1s", []), (f"signal:{signal_of(2)} OR took:>1s", others)):
        assert asyncio.run(handed_out(query, late=True)) == late
        assert asyncio.run(handed_out(query, late=False)) == [2, 4, 6, 8]
    narrowed = f"signal:{signal_of(2)} (took:>1s OR signal:none)"
    assert asyncio.run(handed_out(narrowed, late=True)) == some
