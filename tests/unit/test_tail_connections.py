"""The crowd sets the pace: the hub waits for a majority that is late, briefly, and for nobody else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from signal_log.tail import connections
from signal_log.tail.connections import Guests


class Socket:
    """A live client with or without room."""

    def __init__(self, roomy: bool) -> None:
        self.live = True
        self.window = SimpleNamespace(roomy=roomy)

    def fall_behind(self, view: Any) -> None:
        self.live = False


def crowd(*roomy: bool) -> Guests:
    all_of_them = Guests()
    all_of_them.all = {Socket(one) for one in roomy}  # type: ignore[misc]
    return all_of_them


def live(all_of_them: Guests) -> int:
    return sum(client.live for client in all_of_them.all)


def test_a_late_minority_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """5 of 50 that stop reading hold up nobody."""
    monkeypatch.setattr(connections, "ROOM_WITHIN", 1000)
    some = crowd(*[False] * 5, *[True] * 45)
    asyncio.run(asyncio.wait_for(some.make_room(None), 5))  # type: ignore[arg-type]
    assert live(some) == 50


def test_a_late_majority_is_waited_for_until_it_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """They acknowledge while the hub waits: all of them stay live."""
    monkeypatch.setattr(connections, "ROOM_WITHIN", 1000)
    most = crowd(False, False, True)

    async def scene() -> bool:
        waiting = asyncio.create_task(most.make_room(None))  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        waited = not waiting.done()
        for client in most.all:
            client.window.roomy = True  # type: ignore[misc]
        await asyncio.wait_for(waiting, 5)
        return waited

    assert asyncio.run(scene())
    assert live(most) == 3


def test_a_majority_that_stays_late_reads_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is short, and those it was in vain for are not waited for again."""
    monkeypatch.setattr(connections, "ROOM_WITHIN", 0.03)
    most = crowd(False, False, True)
    asyncio.run(asyncio.wait_for(most.make_room(None), 5))  # type: ignore[arg-type]
    assert live(most) == 1
