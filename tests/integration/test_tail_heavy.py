"""Heavy reads of one account: nobody's access outlasts them, and no read of the table is a long one."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import override_settings

from signal_log.filters import Filters
from signal_log.store.follow import Follower
from signal_log.tail import guard, wire
from signal_log.tail.client import Client
from signal_log.tail.guard import Identity
from signal_log.tail.hub import Hub
from tests.factories import make_event
from tests.tail import make_observer

pytestmark = pytest.mark.django_db(transaction=True)


class Blocked:
    """Has every backfill wait until the test lets it go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reading, self.go_on = threading.Event(), threading.Event()

        def last(*_: Any, **__: Any) -> tuple[list[Any], int]:
            self.reading.set()
            self.go_on.wait(20)
            return [], 0

        monkeypatch.setattr(Follower, "last", last)


async def stop(hub: Hub, *clients: Client) -> None:
    """Close all sockets, and wait for the hub's connections to be closed."""
    for client in clients:
        hub.disconnect(client)
    for thread in (hub._tail_thread, hub._guard_thread, hub._queries._thread):
        await asyncio.to_thread(thread._executor.shutdown)
    await sync_to_async(connections.close_all)()  # those of the thread in which the test itself has asked


def subscribe(client: Client, **more: Any) -> None:
    client.receive(json.dumps({"type": "subscribe", "after": None, **more}), None)


async def test_a_socket_is_closed_in_time_whatever_another_account_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """While six sockets keep the thread for queries busy, a permission that ends elsewhere closes its socket."""
    monkeypatch.setattr(guard, "CHECK_EVERY", 0.05)
    blocked = Blocked(monkeypatch)
    mallory, ada = [await sync_to_async(make_observer)(name) for name in ("mallory", "ada")]
    await sync_to_async(make_event)()
    hub = Hub()
    heavy = [hub.connect(Identity(mallory.pk, None)) for _ in range(6)]
    theirs = hub.connect(Identity(ada.pk, None))
    try:
        for client in heavy:
            subscribe(client, backfill=1000, filters={"q": [f"no{number}" for number in range(50)]})
        assert await asyncio.to_thread(blocked.reading.wait, 10)
        await sync_to_async(ada.user_permissions.clear)()
        assert await asyncio.wait_for(asyncio.shield(theirs.outbox.closing), 10) == wire.NO_PERMISSION
        assert not blocked.go_on.is_set()
        assert not any(client.outbox.closing.done() for client in heavy)
    finally:
        blocked.go_on.set()
        await stop(hub, theirs, *heavy)


@override_settings(SIGNAL_LOG={"MODELS": ["auth.User"], "SOCKETS_PER_ACCOUNT": 2})
async def test_a_socket_too_many_is_told_why_it_is_closed() -> None:
    """It gets an error with words for people, and then the close code 4429."""
    hub = Hub()
    first, second, third = (hub.connect(Identity("ada", None)) for _ in range(3))
    try:
        assert first.outbox.closing.result() == wire.TOO_MUCH
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await first.outbox.write(send)
        told = json.loads(sent[0]["text"])
        assert (told["type"], told["code"]) == ("error", "too_many_sockets")
        assert "2 live pages" in told["detail"]
        assert sent[1] == {"type": "websocket.close", "code": 4429}
        assert not second.outbox.closing.done()
        assert not third.outbox.closing.done()
    finally:
        await stop(hub, first, second, third)


@contextmanager
def follower() -> Iterator[Any]:
    """A way to ask a reader on a thread of its own."""
    log = Follower()
    with ThreadPoolExecutor(1) as thread:
        yield lambda name, *args, **kwargs: thread.submit(lambda: getattr(log, name)(*args, **kwargs)).result()
        thread.submit(log.close).result()


@pytest.mark.parametrize(
    "given",
    [{}, {"signal": "post_delete"}, {"q": "lamp"}, {"signal": ["post_delete", "!pre_save"], "q": ["lamp", "!7"]}],
)
def test_pieces_bring_what_one_read_would(given: dict[str, Any]) -> None:
    """Searched downwards or upwards a few rows at a time, each matching row is found once, and the end is reached."""
    made = []
    for number in range(12):
        signal = "post_delete" if number % 3 else "pre_save"
        made.append(make_event(signal=signal, object_repr=f"a LAMP {number}" if number % 2 else "a chair").pk)
    filters, top, floor = Filters.parse(given), made[-1], made[0] - 1
    with follower() as ask:
        whole, searched_to = ask("last", 100, top, filters, floor=floor, among=100)
        assert searched_to == floor
        for among in (1, 4, 5, 12):
            found: list[Any] = []
            up_to = top
            while up_to > floor:
                rows, searched_to = ask("last", 100, up_to, filters, floor=floor, among=among)
                assert searched_to < up_to
                found, up_to = rows + found, searched_to
            assert [row["id"] for row in found] == [row["id"] for row in whole]
        upwards, above = [], floor
        while (reached := ask("reach", above, top, 5, filters)) is not None:
            upwards += ask("read", above, [], 100, up_to=reached.id, filters=filters)
            above = reached.id
        upwards += ask("read", above, [], 100, up_to=top, filters=filters)
        assert [row["id"] for row in upwards if filters.matches(row)] == [row["id"] for row in whole]
        assert (above > floor) == ("signal" in given)
        two = ask("last", 2, top, filters, floor=floor, among=100)[0]
        assert [row["id"] for row in two] == [row["id"] for row in whole[-2:]]


@pytest.mark.one_database
def test_a_piece_costs_what_its_own_rows_cost() -> None:
    """SQLite takes a tenth of the steps, or fewer, for a tenth of the rows: downwards, upwards, and with owed ids."""
    made = [make_event(signal="pre_save").pk for _ in range(200)]
    top, floor = made[-1], made[0] - 1
    filters = Filters.parse({"signal": "!pre_save", "q": "lamp"})
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def steps_of(name: str, *args: Any, **more: Any) -> int:
        nonlocal steps
        steps = 0
        assert ask(name, *args, **more) in ([], ([], more.get("floor")), ([], top - 10))
        return steps

    with follower() as ask:
        ask("borrow", lambda: connections["default"].connection.set_progress_handler(count, 10))
        down = [steps_of("last", 50, top, filters, floor=floor, among=among) for among in (1000, 10)]
        up = [steps_of("read", floor + 5, [], 50, up_to=floor + size, filters=filters) for size in (195, 15)]
        owed = [(made[1], made[1]), (made[3], made[3])]
        with_owed = [steps_of("read", floor + 5, owed, 50, up_to=floor + size, filters=filters) for size in (195, 15)]
    for whole, piece in (down, up, with_owed):
        assert piece * 5 < whole, (down, up, with_owed)
