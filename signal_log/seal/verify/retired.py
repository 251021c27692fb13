"""Keys that this log has had and nobody names any more, as far as sealed events tell of them.

An event of ``signal_seal init`` or ``rotate`` names the key that it made, and the one before. It is believed if it is
exactly as it was sealed, below a size that a known key has signed. What such a key has signed proves nothing until
somebody names it; but that an old key is no longer named is no tampering either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from signal_log.errors import ProofError
from signal_log.event import COMMITTED
from signal_log.models import SealCheckpoint, SealTree, SignalEvent
from signal_log.seal.note import ED25519, VerifierKey, read_note, signed_by, verifier_key
from signal_log.seal.stored import place_of
from signal_log.seal.verify.rows import row_of

SEALED: Final = "signal_log.sealed"
"""The signal of an event that tells of a key or a new generation."""
Keys = Callable[[str], Sequence[VerifierKey]]
"""The keys that are named, under the name of one generation."""


class Retired(NamedTuple):
    """A key that was this log's."""

    public: bytes
    event: int
    """Which tells of it."""
    at: datetime
    was: str
    """What was done with it then."""

    def under(self, origin: str) -> VerifierKey:
        """The key under the name of one generation."""
        return VerifierKey(origin, ED25519, self.public)


def retired_keys(trees: Sequence[SealTree], keys: Keys) -> list[Retired]:
    """Those that sealed events name, and this run does not."""
    found: dict[bytes, Retired] = {}
    sizes: dict[int, int] = {}
    # By the index on sender and key: the log's own events have none.
    events = SignalEvent.objects.filter(sender=SignalEvent._meta.label, object_pk="", signal=SEALED, outcome=COMMITTED)
    for event in events.order_by("pk"):
        named = [(key, was) for key, was in _named(event) if not _is_known(key, trees, keys)]
        if not named or not _is_believed(event, keys, sizes):
            continue
        for key, was in named:
            found[key.public] = Retired(key.public, event.pk, event.occurred_at, was)
    return list(found.values())


def _named(event: SignalEvent) -> Iterator[tuple[VerifierKey, str]]:
    labels = event.labels if isinstance(event.labels, dict) else {}
    for name, was in (("verifier", "made"), ("followed", "rotated")):
        try:
            key = verifier_key(str(labels.get(name, "")))
        except ProofError:
            continue
        if key.kind == ED25519:
            yield key, was


def _is_known(key: VerifierKey, trees: Sequence[SealTree], keys: Keys) -> bool:
    return any(key.public == one.public for tree in trees for one in keys(tree.origin))


def _is_believed(event: SignalEvent, keys: Keys, sizes: dict[int, int]) -> bool:
    row, place = row_of(event.pk), place_of(event)
    if row is None or row.leaf != row.stored or row.redacted or place is None:
        return False
    if place.tree.pk not in sizes:
        sizes[place.tree.pk] = _signed_size(place.tree, keys(place.tree.origin))
    return place.leaf < sizes[place.tree.pk]


def _signed_size(tree: SealTree, keys: Sequence[VerifierKey]) -> int:
    """The largest size that one of the keys has signed; whether the tiles give its root is found out anyway."""
    newest_first = SealCheckpoint.objects.filter(tree=tree, size__lte=tree.size).exclude(note="").order_by("-number")
    for size, note in newest_first.values_list("size", "note").iterator(chunk_size=100):
        try:
            if signed_by(read_note(note.encode()), keys):
                return int(size)
        except ProofError:
            continue
    return 0
