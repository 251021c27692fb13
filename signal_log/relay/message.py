"""What a relay gives to a sink, and what a sink says of it (no Django)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

TOMBSTONE: Final = "/redacted"


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One event, or the word that it was redacted, as its receiver gets it."""

    id: int
    uid: str
    """``<origin>/<id>``: the same whenever, and by whomever, the event is sent."""
    key: str
    """``sender:object_pk``: messages of one key arrive in their order."""
    signal: str
    occurred_at: str
    body: bytes
    content_type: str = "application/json"
    is_tombstone: bool = False

    @property
    def delivery(self) -> str:
        """By this a receiver may drop what it has: a tombstone is not the event that it is about."""
        return self.uid + TOMBSTONE if self.is_tombstone else self.uid


@dataclass(slots=True)
class Delivery:
    """What became of a batch; what is neither taken nor refused is to be sent again."""

    taken: list[Message] = field(default_factory=list)
    refused: list[tuple[Message, str]] = field(default_factory=list)
    """Those that the receiver will never take, and why: a sentence, and in a second line what it said, if anything."""
    problem: str = ""
    """Why the others were not taken; empty where there was merely no time left."""
    wait: float = 0.0
    """For how many seconds the receiver wants to be left alone."""


class Sink(Protocol):
    """Where messages go. Of one key it delivers none before those that stand in front of it in the batch."""

    most: int
    """How many messages it takes at once."""

    def send(self, batch: Sequence[Message]) -> Delivery:
        """Deliver what can be delivered within some seconds; raises nothing for a receiver that is gone."""
        ...

    def close(self) -> None:
        """Give back what is open."""
        ...
