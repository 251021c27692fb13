"""Who opens a socket, by the cookie of Django's sessions: many are looked up at once, and nobody twice in a row.

After a break in the network, or a restart, every page comes back in the same second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from channels.db import database_sync_to_async
from django.conf import settings
from django.http import parse_cookie

from signal_log import clock
from signal_log.tail.guard import Identity, admit_sessions

KNOWN_FOR: Final = 4.5
"""Seconds for which an answer holds. The socket that it opened is checked within ``guard.CHECK_EVERY`` seconds more:
together less than the ten after which nobody may see events whose log-in or permission has ended."""
SHORTEST_KEY: Final = 8


class Admissions:
    """The sessions that may open a socket, as a hub knows them while it runs; touched only on its event loop."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Identity, float]] = {}
        self._asked: dict[str, asyncio.Future[Identity | int]] = {}
        self._answering: asyncio.Task[None] | None = None

    async def ask(self, session: str) -> Identity | int:
        """Whom the session belongs to, or the close code to refuse its socket with."""
        known = self._known.get(session)
        if known is not None and clock.monotonic() - known[1] < KNOWN_FOR:
            return known[0]
        answer = self._asked.get(session)
        if answer is None:
            answer = self._asked[session] = asyncio.get_running_loop().create_future()
            if self._answering is None:
                self._answering = asyncio.create_task(self._answer())
        return await asyncio.shield(answer)  # others may wait for it

    def checked(self, stay: Iterable[Identity], turned_away: Iterable[Identity], asked_at: float) -> None:
        """Those who have sockets were checked, by a look that began then; older answers are forgotten."""
        now = clock.monotonic()
        self._known = {key: known for key, known in self._known.items() if now - known[1] < KNOWN_FOR}
        self._learn(stay, asked_at)
        for who in turned_away:
            if who.session is not None:
                self.forget(who.session)

    def forget(self, session: str) -> None:
        """The session has ended."""
        self._known.pop(session, None)

    def _learn(self, identities: Iterable[Identity], asked_at: float) -> None:
        for who in identities:
            if who.session is not None:
                self._known[who.session] = (who, asked_at)

    async def _answer(self) -> None:
        """Answer all that wait, and those who came meanwhile, in one look each."""
        try:
            while self._asked:
                asked, self._asked = self._asked, {}
                asked_at = clock.monotonic()
                try:
                    found = await look_up(asked)
                except Exception as problem:  # noqa: BLE001  each handshake tells its own client
                    for answer in asked.values():
                        answer.set_exception(problem)
                    continue
                self._learn((one for one in found.values() if isinstance(one, Identity)), asked_at)
                for session, answer in asked.items():
                    answer.set_result(found[session])
        finally:
            self._answering = None


async def look_up(sessions: Collection[str]) -> dict[str, Identity | int]:
    """Ask the database who may open a socket."""
    found: dict[str, Identity | int] = await database_sync_to_async(admit_sessions)([*sessions])
    return found


def session_of(scope: Mapping[str, Any]) -> str | None:
    """The key of the session whose cookie came with a handshake."""
    sent = "; ".join(value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"cookie")
    key = parse_cookie(sent).get(settings.SESSION_COOKIE_NAME, "")
    return key if len(key) >= SHORTEST_KEY and key.isascii() and key.isprintable() else None
