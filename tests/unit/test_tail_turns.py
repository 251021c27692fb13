"""Questions about the log take turns by account, and each read for a client is a short one."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from signal_log.errors import LogUnavailable
from signal_log.filters import Filters
from signal_log.tail import catchup, pace
from signal_log.tail.client import Client
from signal_log.tail.feed import Feed
from signal_log.tail.guard import Identity
from signal_log.tail.pace import Pace
from signal_log.tail.reader import Tail
from signal_log.tail.subscriptions import Subscriptions
from signal_log.tail.thread import LogThread
from signal_log.tail.turns import Turns
from tests.unit.test_tail_client import Reader, Table


class InOrder:
    """A thread for the log that notes whose questions it answers, and lets the others run meanwhile."""

    def __init__(self) -> None:
        self.answered: list[str] = []

    async def ask(self, question: Callable[[str], Any], name: str) -> Any:
        self.answered.append(name)
        await asyncio.sleep(0)
        return question(name)


def turns() -> tuple[Turns, list[str]]:
    thread = InOrder()
    return Turns(thread), thread.answered  # type: ignore[arg-type]


async def test_nobody_waits_for_all_that_somebody_else_has_asked() -> None:
    """Behind 200 questions of one account and three of another, a third account waits for one of each."""
    log, answered = turns()
    asked = [asyncio.ensure_future(log.ask("mallory", str, "mallory")) for _ in range(200)]
    asked += [asyncio.ensure_future(log.ask("bob", str, "bob")) for _ in range(3)]
    await asyncio.sleep(0)
    asked.append(asyncio.ensure_future(log.ask("ada", str, "ada")))
    assert len(await asyncio.gather(*asked)) == 204
    assert answered[:9] == ["mallory", "mallory", "bob", "mallory", "ada", "bob", "mallory", "bob", "mallory"]


async def test_who_no_longer_waits_holds_up_nobody() -> None:
    """A socket that closes gives up its turn, before it comes and at the very moment; so does a failed question."""
    log, answered = turns()

    def fail(_: str) -> None:
        asyncio.get_running_loop().call_soon(granted.cancel)  # it is next, and will not know it yet
        raise LogUnavailable

    failing = asyncio.ensure_future(log.ask("a", fail, "fails"))
    waits, granted, last = (asyncio.ensure_future(log.ask(name, str, name)) for name in ("b", "c", "d"))
    await asyncio.sleep(0)
    waits.cancel()
    with pytest.raises(LogUnavailable):
        await failing
    assert await asyncio.wait_for(last, 5) == "d"
    assert answered == ["fails", "d"]
    assert await asyncio.wait_for(log.ask("e", str, "e"), 5) == "e"


class SlowTable(Table):
    """A table in which no row is found fast; notes for how many rows each read looked."""

    def __init__(self, rows: int) -> None:
        super().__init__(random.Random(1), 0, 0)
        self.committed |= set(range(1, rows + 1))
        self.looked_at: list[int] = []
        self.busy = threading.Event()

    def last(
        self, count: int, up_to: int, filters: Filters, *, floor: int, among: int
    ) -> tuple[list[dict[str, Any]], int]:
        self.looked_at.append(among)
        if len(self.looked_at) == 20:
            self.busy.set()
        time.sleep(0.001)
        return super().last(count, up_to, filters, floor=floor, among=among)

    def disturb(self) -> None:
        """Have no writers."""

    def close(self) -> None:
        """Have nothing to close."""

    def interrupt(self) -> None:
        """Have nothing to cancel."""


class OneHub:
    """What clients need of a hub, around a real thread."""

    def __init__(self, table: SlowTable) -> None:
        self.log = table
        self.thread = LogThread("query")
        self.thread.log = table  # type: ignore[assignment]
        self.subscriptions = Subscriptions()

        async def recheck() -> None:
            pass

        self.feed = Feed(Turns(self.thread), SimpleNamespace(works=True, recheck=recheck))  # type: ignore[arg-type]
        self.feed.start(Tail(table).start())

    def open(self, account: str, **subscription: Any) -> Reader:
        reader = Reader.__new__(Reader)
        reader.hub, reader.only, reader.cursor, reader.resets = self, None, None, 0  # type: ignore[assignment]
        reader.seen, reader.unacknowledged, reader.this_socket, reader.since = [], [], [], 0
        reader.client = Client(self.feed, Identity(account, None), self.subscriptions.put)
        reader.tell(type="subscribe", after=None, **subscription)
        return reader


async def backfilled(reader: Reader) -> None:
    while not reader.seen:
        await asyncio.sleep(0.001)
        reader.collect()


async def test_a_first_backfill_does_not_wait_for_two_hundred_sockets_of_somebody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of the 200 has the whole log searched for what is not there; another account gets its events in between."""
    monkeypatch.setattr(pace, "FIRST", 10)
    monkeypatch.setattr(pace, "MOST", 10)
    table = SlowTable(1000)
    hub = OneHub(table)
    heavy = [hub.open("mallory", backfill=1000, filters={"signal": "m2m_changed"}) for _ in range(200)]
    await asyncio.to_thread(table.busy.wait, 10)
    before = len(table.looked_at)
    ada = hub.open("ada", backfill=10, filters={})
    await asyncio.wait_for(backfilled(ada), 10)
    assert ada.seen == list(range(991, 1001))
    assert len(table.looked_at) - before < 10
    for reader in (ada, *heavy):
        reader.disconnect()
    hub.thread.close()


@pytest.mark.parametrize(
    ("seconds", "filters", "expected"),
    [
        (60, {"signal": "post_delete"}, range(2, 300, 3)),
        (0.0001, {"signal": "post_delete"}, range(272, 300, 3)),
        (0.0001, {}, range(201, 301)),
    ],
)
async def test_a_backfill_ends_in_time_with_what_it_has_found(
    monkeypatch: pytest.MonkeyPatch, seconds: float, filters: dict[str, str], expected: range
) -> None:
    """It looks at the newest rows first, a piece at a time, and stops when it has searched for long enough."""
    monkeypatch.setattr(pace, "FIRST", 30)
    monkeypatch.setattr(pace, "MOST", 30)
    monkeypatch.setattr(catchup, "BACKFILL_SECONDS", seconds)
    hub = OneHub(SlowTable(300))
    reader = hub.open("ada", backfill=100, filters=filters)
    await asyncio.wait_for(backfilled(reader), 10)
    assert reader.seen == list(expected)
    reader.disconnect()
    hub.thread.close()


def test_reads_become_as_large_as_is_fast() -> None:
    """They grow while they take no time, and shrink at once when they take long."""
    one = Pace()
    for _ in range(10):
        one.took(0.001)
    assert one.rows == pace.MOST
    one.took(2.0)
    assert one.rows == pace.MOST // 10
    one.took(0.1)
    assert one.rows == pace.MOST // 10
    for _ in range(20):
        one.took(60)
    assert one.rows == pace.LEAST
