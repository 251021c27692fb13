"""Reads the log for a relay: what is settled after its place, in order of id, and what has to be said of redactions.

Only settled events are read, so that what comes later has a higher id, and a cursor is one id. Two events of one row
are in the order of its changes: the second writer waits for the first one's commit, and takes its id after that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.event import HEADER_FIELDS, MAINTENANCE
from signal_log.models import SignalEvent
from signal_log.query_language.keys import MODEL, OVERWROTE
from signal_log.relay.message import Message
from signal_log.relay.place import anchor_of, prunes_above
from signal_log.relay.settings import Relay
from signal_log.seal.ranges import Ranges, parse_ranges
from signal_log.seal.settled import Horizon, newest_id
from signal_log.store.read import as_mapping, events
from signal_log.store.schema import log_identity
from signal_log.tail.cursor import Anchor

ROWS: Final = 500
"""Events in memory at a time."""
REDACT: Final = "command:signal_redact"
STILL_KNOWN: Final = frozenset({"sender", "signal", "outcome", "source", "trace", MODEL, OVERWROTE})
"""Filters that a redacted event can still answer."""


class Body(NamedTuple):
    """An event in a format."""

    content: bytes
    content_type: str


Encode = Callable[[str, str, Mapping[str, Any], bool], Body | None]
"""Of a format, the event's uid, the event, and whether it is a tombstone: its body; None if it has no place there."""


class Row(NamedTuple):
    """One event of the log, and what there is to send on account of it."""

    anchor: Anchor
    messages: Sequence[Message] = ()


@dataclass(slots=True)
class Page:
    """What one read brought, in order of id."""

    rows: list[Row] = field(default_factory=list)
    missing: int = 0
    """How many of the events after the place have been pruned."""


class _ErasableKeys:
    """All keys of filters but those that a redacted event can still answer."""

    def __contains__(self, key: object) -> bool:
        return key not in STILL_KNOWN


ERASABLE: Final = _ErasableKeys()


class Reading:
    """What one process knows of the log while it runs a relay."""

    def __init__(self, relay: Relay, encode: Encode) -> None:
        self._relay = relay
        self._encode = encode
        self._horizon = Horizon()
        self._settled = 0
        self._prunes_to: int | None = None
        self._origin = ""

    def page(self, after: Anchor, up_to: int | None = None) -> Page:
        """The next events and their messages; no rows if nothing is settled that has not been read."""
        if self._settled <= after.id:
            self._settled = self._horizon.settled(after.id)
        last = self._settled if up_to is None else min(self._settled, up_to)
        found = list(events().filter(pk__gt=after.id, pk__lte=last).order_by("pk")[:ROWS])
        page = Page(missing=self._missing(after, found))
        for event in found:
            messages = list(self._messages(event))
            page.rows.append(Row(anchor_of(event), messages))
            if len(messages) > 1:
                break  # those of a redaction are many
        return page

    def message(self, event: SignalEvent, *, is_tombstone: bool = False) -> Message | None:
        """What is sent of an event; of one that was redacted, no more than that."""
        told = as_mapping(event)
        is_tombstone = is_tombstone or event.redacted_at is not None
        uid = f"{self.origin}/{event.pk}"
        said = {"redacted_at": told["redacted_at"], **{name: told[name] for name in ("id", *HEADER_FIELDS)}}
        body = self._encode(self._relay.format, uid, said if is_tombstone else told, is_tombstone)
        if body is None:
            return None
        key = f"{event.sender}:{event.object_pk}"
        return Message(event.pk, uid, key, event.signal, told["occurred_at"], *body, is_tombstone)

    @property
    def origin(self) -> str:
        """What the log is called in ids, wherever the relay runs."""
        self._origin = self._origin or conf.SEAL_ORIGIN or log_identity(conf.DATABASE)
        return self._origin

    def _messages(self, event: SignalEvent) -> Iterator[Message]:
        if self._is_wanted(event) and (message := self.message(event)) is not None:
            yield message
        if event.signal == MAINTENANCE and event.source == REDACT:
            for other in events().filter(pk__in=_named(event), redacted_at__isnull=False).order_by("pk"):
                if self._is_wanted(other) and (message := self.message(other)) is not None:
                    yield message

    def _is_wanted(self, event: SignalEvent) -> bool:
        """Whether the filters select it; of a redacted one, as far as it can still tell."""
        filters = self._relay.filters
        if event.redacted_at is not None:
            filters = filters.without(ERASABLE)
        return not filters or filters.matches(as_mapping(event))

    def _missing(self, after: Anchor, found: Sequence[SignalEvent]) -> int:
        """How many events after the place are gone by prunes that nobody has looked at yet."""
        looked_to = after.id if self._prunes_to is None else self._prunes_to
        gone, there = Ranges(), Ranges.of(event.pk for event in found)
        for prune in prunes_above(looked_to).order_by("pk"):
            looked_to = prune.pk
            named = _ranges(prune)
            gone.update(named.within(after.id + 1, newest_id()))
        self._prunes_to = looked_to
        return gone.without(there).count


def _named(event: SignalEvent) -> list[int]:
    """The ids that the event of a redaction names: a batch of them, as many as it may change at once."""
    return [number for first, last in _ranges(event) for number in range(first, last + 1)]


def _ranges(event: SignalEvent) -> Ranges:
    labels = event.labels if isinstance(event.labels, Mapping) else {}
    try:
        return parse_ranges(str(labels.get("events", "")))
    except ProofError:
        return Ranges()
