"""Sockets of one hub against a model of the database: acknowledging, stalling, resuming, changing filters."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from signal_log.errors import LogUnavailable
from signal_log.filters import Filters
from signal_log.store.follow import Edge
from signal_log.tail import catchup, window, wire
from signal_log.tail.client import Client
from signal_log.tail.cursor import START, Token
from signal_log.tail.feed import Feed
from signal_log.tail.guard import Identity
from signal_log.tail.reader import Tail
from signal_log.tail.subscriptions import Subscriptions
from tests.unit.test_tail_cursor import World, mark

SIGNALS = ("post_save", "pre_save", "post_delete")


def signal_of(number: int) -> str:
    return SIGNALS[number % 3]


class Table(World):
    """The model database, with rows that filters can tell apart."""

    def read(
        self,
        above: int,
        ranges: Any,
        limit: int,
        *,
        up_to: int | None = None,
        filters: Filters | None = None,
    ) -> list[dict[str, Any]]:
        self.disturb()
        found = sorted(
            number
            for number in self.committed
            if (number > above and (up_to is None or number <= up_to))
            or any(first <= number <= last for first, last in ranges)
        )
        rows = [row(number) for number in found]
        return [r for r in rows if filters is None or filters.matches(r)][:limit]

    def reach(self, above: int, up_to: int, rows: int, filters: Filters) -> Edge | None:
        self.disturb()
        found = [n for n in sorted(self.committed) if above < n <= up_to]
        return Edge(found[rows - 1], mark(found[rows - 1])) if filters and len(found) >= rows else None

    def last(
        self, count: int, up_to: int, filters: Filters, *, floor: int, among: int
    ) -> tuple[list[dict[str, Any]], int]:
        self.disturb()
        rows = [row(n) for n in sorted(self.committed) if floor < n <= up_to][-among:]
        searched_to = rows[0]["id"] - 1 if len(rows) == among else floor
        return [r for r in rows if filters.matches(r)][-count:], searched_to


def row(number: int) -> dict[str, Any]:
    return {"id": number, "digest": mark(number) * 8, "signal": signal_of(number)}


class Reader:
    """A page that keeps what it gets, resumes from its cursor, and acknowledges when told."""

    def __init__(self, hub: FakeHub, only: str | None) -> None:
        self.hub = hub
        self.only = only
        self.cursor: str | None = None
        self.seen: list[int] = []
        self.unacknowledged: list[int] = []
        self.since: int | None = None
        self.resets = 0
        self.connect()

    def connect(self) -> None:
        self.client = Client(self.hub.feed, Identity(1, None), self.hub.subscriptions.put)
        self.this_socket: list[int] = []
        self.unacknowledged = []
        self.tell(type="subscribe", after=self.cursor, filters={"signal": self.only} if self.only else {})

    def disconnect(self) -> None:
        self.client.catch_up.stop()
        self.hub.subscriptions.remove(self.client)

    def tell(self, **message: Any) -> None:
        self.client.receive(json.dumps(message), None)

    def collect(self) -> None:
        """Receive everything that has been sent."""
        frames = self.client.outbox._frames
        while frames:
            frame = json.loads(frames.popleft())
            if frame["type"] == "ready" and self.since is None:
                self.since = int(frame["cursor"].split(":")[1])
                self.already = set(self.hub.log.committed) - self.hub.still_coming()
            if frame["type"] == "reset":
                self.resets += 1
            if frame.get("cursor"):
                self.cursor = frame["cursor"]
            if frame["type"] == "events":
                ids = [event["id"] for event in frame["events"]]
                assert ids == sorted(ids)
                assert not set(ids) & set(self.this_socket), "sent twice on one socket"
                self.this_socket += ids
                self.seen += ids
                self.unacknowledged += ids

    def acknowledge(self) -> None:
        if self.unacknowledged:
            self.tell(type="ack", id=self.unacknowledged[-1])
            self.unacknowledged = []


class FakeHub:
    """A hub without threads: the test decides when it reads."""

    def __init__(self, log: Table, dice: random.Random) -> None:
        self.log = log
        self.dice = dice
        self.tail = Tail(log)
        self.subscriptions = Subscriptions()
        outage = SimpleNamespace(works=True, recheck=self.recheck, failed=self.failed)
        self.feed = Feed(SimpleNamespace(ask=self.ask), outage)  # type: ignore[arg-type]

    @property
    def started(self) -> bool:
        return self.feed.started.is_set()

    async def ask(self, _: Any, question: Callable[..., Any], *args: Any) -> Any:
        for _ in range(self.dice.randint(0, 3)):
            await asyncio.sleep(0)
        answer = question(self.log, *args)
        for _ in range(self.dice.randint(0, 3)):
            await asyncio.sleep(0)
        return answer

    async def recheck(self) -> None:
        """Do nothing: nobody loses their permission here."""

    async def failed(self, problem: LogUnavailable) -> None:
        await asyncio.sleep(0)

    def still_coming(self) -> set[int]:
        """Return committed ids that this hub has yet to hand out."""
        frontier = self.feed.frontier
        return {n for n in self.log.committed if n > frontier.top.id or n in frontier.gaps}

    def advance(self) -> None:
        try:
            if not self.started:
                self.feed.start(self.tail.start())
                return
            batch = self.tail.advance()
        except LogUnavailable:
            return
        assert batch.reset is None
        before = self.feed.frontier
        self.feed.advance(batch.frontier, batch.events)
        self.subscriptions.publish(batch.events, before, batch.frontier)
        if self.dice.random() < 0.2:  # as if most of them had been late for too long
            for client in list(self.subscriptions._keys):
                if client.position.live and not client.window.half_free:
                    client.fall_behind()


async def run_random_actions(seed: int, steps: int, outages: float) -> None:
    dice = random.Random(seed)
    hubs = [FakeHub(Table(dice, steps, outages), dice)]
    hubs.append(FakeHub(hubs[0].log, dice))  # another process reading the same table
    log = hubs[0].log
    for hub in hubs:
        while not hub.started:
            hub.advance()
    readers = [Reader(hubs[0], None), Reader(hubs[0], "post_save"), Reader(hubs[1], None)]
    for _ in range(steps):
        log.steps = max(log.steps, 1)
        reader = dice.choice(readers)
        action = dice.choices(["write", "read", "receive", "ack", "cut", "ping", "turn"], [5, 4, 4, 2, 1, 1, 6])[0]
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
        elif action == "cut":
            reader.disconnect()
            reader.hub = dice.choice(hubs)
            reader.connect()
        else:
            await asyncio.sleep(0)
    log.finish()
    for _ in range(120):
        for hub in hubs:
            hub.advance()
        for reader in readers:
            reader.collect()
            reader.acknowledge()
        for _ in range(8):
            await asyncio.sleep(0)
    for reader in readers:
        assert reader.resets == 0
        assert reader.since is not None
        expected = {n for n in log.committed - reader.already if reader.only in (None, signal_of(n))}
        assert expected - set(reader.seen) == set(), "events were lost"
        assert not reader.client.outbox.closing.done()
        assert reader.client.position.live
        reader.disconnect()


@settings(max_examples=100, deadline=None)
@example(
    seed=1404, steps=50, outages=0.02, rows_per_read=2, room=2, remembered=0, at_once=4
)  # a heartbeat sent during a read was ahead of id 1
@given(
    seed=st.integers(0, 2**32),
    steps=st.integers(50, 400),
    outages=st.sampled_from([0, 0.02]),
    rows_per_read=st.integers(1, 5),
    room=st.integers(2, 9),
    remembered=st.integers(0, 12),
    at_once=st.integers(1, 4),
)
def test_nobody_loses_an_event_and_no_socket_gets_one_twice(
    seed: int, steps: int, outages: float, rows_per_read: int, room: int, remembered: int, at_once: int
) -> None:
    """Two processes and three pages do anything in any order, with outages, and every page gets each matching event.

    The pages stall, acknowledge, disconnect and reconnect elsewhere; commits come in any order.
    """
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
        patch.setattr("signal_log.tail.recent.MAX_EVENTS", remembered)
        asyncio.run(run_random_actions(seed, steps, outages))


class CountingTable(Table):
    """A table that counts how many rows were requested."""

    rows_read = 0

    def read(self, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        rows = super().read(*args, **kwargs)
        self.rows_read += len(rows)
        return rows


async def catch_up_from_the_beginning(count: int) -> tuple[list[int], int]:
    dice = random.Random(1)
    log = CountingTable(dice, 0, 0)
    log.committed |= set(range(1, count + 1))
    hub = FakeHub(log, dice)
    while not hub.started:
        hub.advance()
    reader = Reader(hub, None)
    reader.disconnect()
    reader.cursor = str(Token(hub.feed.frontier.epoch, START))
    reader.connect()
    for _ in range(count):
        await asyncio.sleep(0)
        reader.collect()
        reader.acknowledge()
    reader.disconnect()
    return reader.seen, log.rows_read


def test_catching_up_reads_about_as_many_rows_as_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the window takes forty large rows, a client catching up does not read five hundred again and again."""
    monkeypatch.setattr(window, "MAX_BYTES", 4000)
    monkeypatch.setattr(window, "BYTES_PER_FRAME", 1000)
    monkeypatch.setattr(wire, "BYTES_PER_FRAME", 1000)
    seen, rows_read = asyncio.run(catch_up_from_the_beginning(2000))
    assert seen == list(range(1, 2001))
    assert rows_read <= 2000 + catchup.MAX_ROWS + 2000 // 5
