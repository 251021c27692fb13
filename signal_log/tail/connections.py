"""All clients of a hub: what is sent to every one of them, and whose socket is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from operator import attrgetter
from typing import Final

from signal_log import clock
from signal_log.conf import conf
from signal_log.store.follow import Follower
from signal_log.tail import guard, wire
from signal_log.tail.admissions import Admissions
from signal_log.tail.client import Client
from signal_log.tail.thread import LogThread

ROOM_WITHIN: Final = 0.5
"""Seconds that the hub waits when most clients have yet to acknowledge much, so that they go on together."""
ROOM_POLL: Final = 0.01


class Connections:
    """The clients of one event loop."""

    def __init__(self) -> None:
        self.clients: set[Client] = set()
        self.admissions = Admissions()

    def make_room_for(self, account: Hashable) -> None:
        """Before one more socket of an account is taken in, close those that are too many, the longest idle first."""
        limit = conf.SOCKETS_PER_ACCOUNT
        if len(self.clients) < limit:
            return
        own = [one for one in self.clients if one.identity.user == account and not one.outbox.closing.done()]
        if surplus := max(len(own) + 1 - limit, 0):
            own.sort(key=attrgetter("heard_at"))
            for client in own[:surplus]:
                client.close_surplus(limit)

    def send_error(self, code: str, detail: str) -> None:
        """Send every client an error frame."""
        for client in self.clients:
            client.outbox.put(wire.error(code, detail))

    def send_heartbeat(self) -> None:
        """Send every client a heartbeat."""
        for client in self.clients:
            client.send_heartbeat()

    def restart(self, reason: str, oldest: int) -> None:
        """The log is another one than before."""
        for client in self.clients:
            client.restart(reason, oldest)

    async def wait_for_room(self) -> None:
        """Let the majority set the pace, or they would all fall behind and each read the table on its own."""
        deadline = clock.monotonic() + ROOM_WITHIN
        while slow := self._slow_majority():
            if clock.monotonic() >= deadline:
                for client in slow:
                    client.fall_behind()
                return
            await asyncio.sleep(ROOM_POLL)

    def _slow_majority(self) -> list[Client]:
        """The live clients that have yet to acknowledge much, if they are the majority."""
        live = [client for client in self.clients if client.position.live]
        slow = [client for client in live if not client.window.half_free]
        return slow if len(slow) * 2 > len(live) else []

    def close_all(self, code: int) -> None:
        """Close every socket."""
        for client in list(self.clients):
            client.close(code)

    def close_unacknowledged(self) -> None:
        """Close the sockets of those who have not acknowledged anything for too long."""
        now = clock.monotonic()
        for client in list(self.clients):
            if client.window.overdue(now):
                client.close(wire.NOT_ACKNOWLEDGED)

    def close_session(self, session: str) -> None:
        """Close the sockets of a session that was logged out in this process."""
        self.admissions.forget(session)
        for client in list(self.clients):
            if client.identity.session == session:
                client.close(wire.NOT_LOGGED_IN)

    async def check_permissions(self, thread: LogThread) -> None:
        """Close the sockets whose log-in or permission has ended; asks the database once for all."""
        asked_at = clock.monotonic()
        identities = {client.identity for client in self.clients}
        turned_away = await thread.ask(Follower.borrow, lambda: guard.turned_away(identities))
        for client in list(self.clients):
            if client.identity in turned_away:
                client.close(turned_away[client.identity])
        still_open = {client.identity for client in self.clients if not client.outbox.closing.done()}
        self.admissions.checked(still_open & identities, turned_away, asked_at)
