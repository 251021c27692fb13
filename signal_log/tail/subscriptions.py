"""Clients that want the same events: matching and framing is done once for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from signal_log.filters import Filters
from signal_log.tail import wire
from signal_log.tail.client import Client
from signal_log.tail.cursor import Frontier
from signal_log.tail.wire import Encoded

Key = tuple[Any, ...]


@dataclass(slots=True, eq=False)
class Subscription:
    """One set of filters, and the clients that asked for it."""

    filters: Filters
    clients: set[Client] = field(default_factory=set)

    def publish(self, events: Sequence[Encoded], before: Frontier, after: Frontier) -> None:
        """Offer what one read brought, or what SQL has found by its times; the frames are made once."""
        if filters := self.filters.untimed:
            events = [event for event in events if filters.matches(event.event)]
        if not events:
            return
        frames = list(wire.frames(events, after.epoch, after.settled))
        for client in self.clients:
            client.offer(events, frames, before, after)


class Subscriptions:
    """Every client that has subscribed, by its filters."""

    def __init__(self) -> None:
        self._keys: dict[Client, Key] = {}
        self._subscriptions: dict[Key, Subscription] = {}

    def __bool__(self) -> bool:
        return bool(self._subscriptions)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(self._subscriptions.values())

    def put(self, client: Client, filters: Filters) -> None:
        """Subscribe a client, in place of what it had subscribed to before."""
        self.remove(client)
        key = filters.identity
        self._keys[client] = key
        self._subscriptions.setdefault(key, Subscription(filters)).clients.add(client)

    def remove(self, client: Client) -> None:
        """Forget a client."""
        key = self._keys.pop(client, None)
        if key is not None:
            subscription = self._subscriptions[key]
            subscription.clients.discard(client)
            if not subscription.clients:
                del self._subscriptions[key]

    def publish(self, events: Sequence[Encoded], before: Frontier, after: Frontier) -> None:
        """Offer what one read brought to every subscriber."""
        if events:
            for subscription in self._subscriptions.values():
                subscription.publish(events, before, after)
