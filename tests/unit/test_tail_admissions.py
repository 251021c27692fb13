"""Whom a session's cookie lets in: asked for many at once, and not again within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, MutableMapping
from typing import Any

import pytest
from django.db import OperationalError

from signal_log.tail import admissions, consumer, wire
from signal_log.tail.admissions import KNOWN_FOR, Admissions, session_of
from signal_log.tail.guard import CHECK_EVERY, Identity

ADA, ALAN = Identity(1, "session-of-ada"), Identity(2, "session-of-alan")


class Database:
    """Answers for the database, counting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[set[str]] = []
        self.people = {one.session: one for one in (ADA, ALAN)}
        self.now = 1000.0
        self.fails = False
        self.answers = asyncio.Event()
        self.answers.set()
        monkeypatch.setattr(admissions, "look_up", self.look_up)
        monkeypatch.setattr(admissions.clock, "monotonic", lambda: self.now)

    async def look_up(self, sessions: Collection[str]) -> dict[str, Any]:
        self.asked.append({*sessions})
        await self.answers.wait()
        if self.fails:
            raise OperationalError("gone")
        return {one: self.people.get(one, wire.NOT_LOGGED_IN) for one in sessions}


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    return Database(monkeypatch)


def test_who_come_together_are_looked_up_together(database: Database) -> None:
    """The first is asked for alone, all that come meanwhile at once, and each gets its own answer."""

    async def scene() -> list[Any]:
        door = Admissions()
        sessions = ["session-of-ada"] * 3 + ["session-of-alan", "unknown!", "unknown!"]
        database.answers.clear()
        first = asyncio.create_task(door.ask("session-of-ada"))
        await asyncio.sleep(0.01)
        given_up = asyncio.create_task(door.ask("session-of-alan"))
        rest = asyncio.gather(*map(door.ask, sessions))
        await asyncio.sleep(0.01)
        given_up.cancel()
        database.answers.set()
        return [await first, *await rest]

    assert asyncio.run(scene()) == [*[ADA] * 4, ALAN, wire.NOT_LOGGED_IN, wire.NOT_LOGGED_IN]
    assert database.asked == [{"session-of-ada"}, {"session-of-ada", "session-of-alan", "unknown!"}]


def test_a_flood_of_handshakes_costs_two_looks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nobody has a socket yet; another account's waits for no more than those."""
    monkeypatch.setattr(consumer.served, "serves", lambda: None)
    connects: dict[str, Any] = {"type": "websocket.connect"}
    codes: list[int | None] = []

    async def handshake(session: str) -> None:
        async def receive() -> dict[str, Any]:
            return connects

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "websocket.close":
                codes.append(message["code"])

        scope = {"type": "websocket", "headers": [(b"cookie", f"sessionid={session}".encode())]}
        await consumer.event_socket(scope, receive, send)

    async def scene() -> None:
        database.answers.clear()
        flood = [asyncio.create_task(handshake("session-of-eve")) for _ in range(50)]
        await asyncio.sleep(0.01)
        flood += [asyncio.create_task(handshake("session-of-eve")) for _ in range(50)]
        flood.append(asyncio.create_task(handshake("session-of-mallory")))
        await asyncio.sleep(0.01)
        database.answers.set()
        await asyncio.gather(*flood)

    asyncio.run(scene())
    assert database.asked == [{"session-of-eve"}, {"session-of-eve", "session-of-mallory"}]
    assert codes == [wire.NOT_LOGGED_IN] * 101


def test_an_answer_holds_for_seconds_and_a_refusal_does_not(database: Database) -> None:
    """What ends elsewhere is noticed within ten seconds: until the answer is old, and then by the check."""
    assert KNOWN_FOR + CHECK_EVERY < 9

    async def scene() -> None:
        door = Admissions()
        assert await door.ask("session-of-ada") == await door.ask("session-of-ada") == ADA
        for _ in range(2):
            assert await door.ask("unknown!") == wire.NOT_LOGGED_IN
        assert len(database.asked) == 3
        del database.people["session-of-ada"]
        database.now += KNOWN_FOR - 0.1
        assert await door.ask("session-of-ada") == ADA
        database.now += 0.1
        assert await door.ask("session-of-ada") == wire.NOT_LOGGED_IN

    asyncio.run(scene())


def test_checks_keep_an_answer_and_end_it(database: Database) -> None:
    """Who has a socket is known as long as the checks say so; a log-out here, or a check, ends that at once."""

    async def scene() -> None:
        door = Admissions()
        for _ in range(3):
            door.checked({ADA, ALAN, Identity(3, None)}, (), database.now)
            database.now += CHECK_EVERY
            assert (await door.ask("session-of-ada"), await door.ask("session-of-alan")) == (ADA, ALAN)
        assert database.asked == []
        door.checked({ALAN}, {ADA: wire.NO_PERMISSION}, database.now)
        door.forget("session-of-alan")
        await asyncio.gather(door.ask("session-of-ada"), door.ask("session-of-alan"))
        assert database.asked == [{"session-of-ada", "session-of-alan"}]

    asyncio.run(scene())


def test_a_database_that_fails_is_asked_again(database: Database) -> None:
    """Each handshake learns of it, and the next one is looked up."""

    async def scene() -> list[Any]:
        door = Admissions()
        database.fails = True
        failed = await asyncio.gather(door.ask("session-of-ada"), door.ask("session-of-alan"), return_exceptions=True)
        database.fails = False
        return [*map(type, failed), await door.ask("session-of-ada")]

    assert asyncio.run(scene()) == [OperationalError, OperationalError, ADA]


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ([b"theme=dark; sessionid=abcdefgh12"], "abcdefgh12"),
        ([b"theme=dark", b"sessionid=abcdefgh12"], "abcdefgh12"),
        ([b"sessionid=short"], None),
        ([b"sessionid=abcdefgh\x0012"], None),
        ([b"sessionid=abcdefgh\xff12"], None),
        ([b"other=abcdefgh12"], None),
        ([], None),
    ],
)
def test_the_session_of_a_handshake(sent: list[bytes], key: str | None) -> None:
    """Of one cookie header or several; what no session has is not looked for."""
    assert session_of({"headers": [(b"cookie", one) for one in sent]}) == key
