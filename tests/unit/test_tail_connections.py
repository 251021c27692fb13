"""The hub briefly waits for a slow majority of its clients, and for nobody else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from django.test import override_settings

from signal_log.tail import connections
from signal_log.tail.connections import Connections


class FakeClient:
    """A live client that has acknowledged enough, or has not."""

    def __init__(self, half_free: bool = True, *, account: int = 1, heard_at: float = 0) -> None:
        self.position = SimpleNamespace(live=True)
        self.window = SimpleNamespace(half_free=half_free)
        self.identity = SimpleNamespace(user=account)
        self.heard_at = heard_at
        self.closed = False
        self.outbox = SimpleNamespace(closing=SimpleNamespace(done=lambda: self.closed))

    def close_surplus(self, limit: int) -> None:
        self.closed = True

    def fall_behind(self) -> None:
        self.position.live = False


def connections_of(*half_free: bool) -> Connections:
    made = Connections()
    made.clients = {FakeClient(one) for one in half_free}  # type: ignore[misc]
    return made


def live(some: Connections) -> int:
    return sum(client.position.live for client in some.clients)


def test_a_slow_minority_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """5 of 50 clients that stop reading hold up nobody."""
    monkeypatch.setattr(connections, "ROOM_WITHIN", 1000)
    some = connections_of(*[False] * 5, *[True] * 45)
    asyncio.run(asyncio.wait_for(some.wait_for_room(), 5))
    assert live(some) == 50


def test_a_slow_majority_is_waited_for_until_it_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A majority that acknowledges while the hub waits stays live."""
    monkeypatch.setattr(connections, "ROOM_WITHIN", 1000)
    most = connections_of(False, False, True)

    async def scene() -> bool:
        waiting = asyncio.create_task(most.wait_for_room())
        await asyncio.sleep(0.05)
        waited = not waiting.done()
        for client in most.clients:
            client.window.half_free = True  # type: ignore[misc]
        await asyncio.wait_for(waiting, 5)
        return waited

    assert asyncio.run(scene())
    assert live(most) == 3


def test_a_majority_that_stays_slow_reads_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is short, and clients it did not help are not waited for again."""
    monkeypatch.setattr(connections, "ROOM_WITHIN", 0.03)
    most = connections_of(False, False, True)
    asyncio.run(asyncio.wait_for(most.wait_for_room(), 5))
    assert live(most) == 1


@override_settings(SIGNAL_LOG={"SOCKETS_PER_ACCOUNT": 3})
def test_one_socket_too_many_closes_the_one_that_was_idle_for_longest() -> None:
    """The account's others stay open, and so does everybody else's, however long they have said nothing."""
    some = Connections()
    others = {FakeClient(account=2, heard_at=-number) for number in range(3)}
    some.clients = {*others}  # type: ignore[misc]
    opened: list[FakeClient] = []
    for moment in range(5):
        some.make_room_for(1)
        opened.append(FakeClient(heard_at=moment))
        some.clients.add(opened[-1])
        if moment == 2:
            opened[0].heard_at = 2.5  # it acknowledges something
    assert [client.closed for client in opened] == [False, True, True, False, False]
    assert not any(client.closed for client in others)
