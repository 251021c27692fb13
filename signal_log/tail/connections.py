"""All sockets of a hub: what is said to everybody, and who has to go."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from signal_log.store.follow import Follower
from signal_log.tail import guard, wire

if TYPE_CHECKING:
    from signal_log.tail.client import Client
    from signal_log.tail.reader import View
    from signal_log.tail.thread import LogThread

ROOM_WITHIN: Final = 0.5
"""Seconds that the hub waits when most sockets still have enough to swallow, so that they go on together."""
ROOM_POLL: Final = 0.01


class Guests:
    """The clients of one event loop."""

    def __init__(self) -> None:
        self.all: set[Client] = set()

    def tell(self, code: str, detail: str) -> None:
        """Send everybody an error frame."""
        for client in self.all:
            client.say(wire.error(code, detail))

    def beat(self) -> None:
        """Send everybody a heartbeat."""
        for client in self.all:
            client.beat()

    def restart(self, reason: str, oldest: int) -> None:
        """The log is another one than before."""
        for client in self.all:
            client.restart(reason, oldest)

    async def make_room(self, view: View) -> None:
        """Let the majority set the pace, or they would all fall behind and each read the table on its own."""
        deadline = time.monotonic() + ROOM_WITHIN
        while late := self._most_are_late():
            if time.monotonic() >= deadline:
                for client in late:
                    client.fall_behind(view)
                return
            await asyncio.sleep(ROOM_POLL)

    def _most_are_late(self) -> list[Client]:
        """The live clients that have yet to acknowledge much, if they are the majority."""
        live = [client for client in self.all if client.live]
        late = [client for client in live if not client.window.roomy]
        return late if len(late) * 2 > len(live) else []

    def close_all(self, code: int) -> None:
        """Send everybody away."""
        for client in list(self.all):
            client.close(code)

    def close_silent(self) -> None:
        """Send away who has not acknowledged anything for too long."""
        now = time.monotonic()
        for client in list(self.all):
            if client.window.overdue(now):
                client.close(wire.NOT_ACKNOWLEDGED)

    def close_session(self, session: str) -> None:
        """A person logged out in this process."""
        for client in list(self.all):
            if client.identity.session == session:
                client.close(wire.NOT_LOGGED_IN)

    async def check(self, library: LogThread) -> None:
        """Send away whose log-in or permission has ended; asks the database once for all."""
        identities = {client.identity for client in self.all}
        turned_away = await library.ask(Follower.borrow, lambda: guard.turned_away(identities))
        for client in list(self.all):
            if client.identity in turned_away:
                client.close(turned_away[client.identity])
