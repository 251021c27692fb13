"""Clients that want the same events: matching and framing is done once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from signal_log.filters import Filters
from signal_log.tail import wire
from signal_log.tail.reader import View

if TYPE_CHECKING:
    from signal_log.tail.client import Client

Key = tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]


@dataclass(slots=True, eq=False)
class Audience:
    """The clients with one set of filters."""

    filters: Filters
    clients: set[Client] = field(default_factory=set)

    def serve(self, events: Sequence[wire.Encoded], before: View, view: View) -> None:
        """Offer what one read brought; the frames are made once."""
        if self.filters:
            events = [event for event in events if self.filters.matches(event.event)]
        if not events:
            return
        frames = list(wire.frames(events, view.epoch, view.settled))
        for client in self.clients:
            client.offer(events, frames, before, view)


class Audiences:
    """Every client that has subscribed, by its filters."""

    def __init__(self) -> None:
        self._of: dict[Client, Key] = {}
        self._all: dict[Key, Audience] = {}

    def put(self, client: Client, filters: Filters) -> None:
        """Put a client, also one that was elsewhere, among those with the same filters."""
        self.remove(client)
        key = tuple(tuple(sorted(part.items())) for part in (filters.wanted, filters.excluded))
        self._of[client] = key
        self._all.setdefault(key, Audience(filters)).clients.add(client)

    def remove(self, client: Client) -> None:
        """Forget a client."""
        key = self._of.pop(client, None)
        if key is not None:
            audience = self._all[key]
            audience.clients.discard(client)
            if not audience.clients:
                del self._all[key]

    def serve(self, events: Sequence[wire.Encoded], before: View, view: View) -> None:
        """Offer what one read brought to everybody."""
        if events:
            for audience in self._all.values():
                audience.serve(events, before, view)
