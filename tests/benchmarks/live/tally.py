"""Counts what sockets received: each frame is parsed once for all, then counted per socket in a bit set of ids."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

ROOM_BELOW: Final = 100_000
"""Ids below the first one seen may still come, so a bit set starts this much lower."""
MOST_LATENCIES: Final = 400_000
HEAD, TAIL = 96, 48


@dataclass(frozen=True, slots=True)
class Frame:
    """A parsed text from the server."""

    kind: str
    ids: tuple[int, ...]
    mask: int
    cursor: str | None
    size: int
    fields: Mapping[str, Any]


class Frames:
    """Frames by their bytes: the same text for 500 sockets is parsed once and then only compared."""

    def __init__(self) -> None:
        self.base = -1
        self.all: list[Frame] = []
        self._known: dict[tuple[int, bytes, bytes], tuple[bytes, int]] = {}

    def number(self, text: bytes) -> int:
        """Return the index in ``all`` of the frame with this text."""
        key = (len(text), text[:HEAD], text[-TAIL:])
        known = self._known.get(key)
        if known is not None and known[0] == text:
            return known[1]
        self.all.append(self._understand(text))
        if len(self._known) > 500:
            self._known.clear()
        self._known[key] = (text, len(self.all) - 1)
        return len(self.all) - 1

    def _understand(self, text: bytes) -> Frame:
        content = orjson.loads(text)
        if isinstance(content, list):
            content = {"type": "events", "events": content}
        elif "id" in content:
            content = {"type": "events", "events": [content]}
        ids = tuple(event["id"] for event in content.pop("events", ()))
        if ids and self.base < 0:
            self.base = max(0, min(ids) - ROOM_BELOW)
        return Frame(content["type"], ids, self.mask(ids), content.get("cursor"), len(text), content)

    def mask(self, ids: Iterable[int]) -> int:
        """Return the ids as a bit set."""
        bits = bytearray()
        for number in ids:
            place = number - self.base
            if len(bits) <= place >> 3:
                bits.extend(bytes((place >> 3) + 1 - len(bits)))
            bits[place >> 3] |= 1 << (place & 7)
        return int.from_bytes(bits, "little")


@dataclass(slots=True)
class Tally:
    """What one page received, over all its successive sockets."""

    frames: Frames
    page: int = 0
    socket: int = 0
    twice: int = 0
    """Events that came a second time on the same socket, which must not happen."""
    again: int = 0
    """Events that came again after a reconnection, which the page drops by their ids."""
    at: array[float] = field(default_factory=lambda: array("d"))
    got: array[int] = field(default_factory=lambda: array("l"))

    def take(self, number: int, now: float) -> None:
        """Count a frame of events that has arrived."""
        mask = self.frames.all[number].mask
        if self.socket & mask:
            self.twice += (self.socket & mask).bit_count()
        elif self.page & mask:
            self.again += (self.page & mask).bit_count()
        self.socket |= mask
        self.page |= mask
        self.at.append(now)
        self.got.append(number)

    def cut(self) -> None:
        """Start the count of a new socket."""
        self.socket = 0


def summary(frames: Frames, tallies: list[Tally], ids: list[int], committed: list[float]) -> dict[str, Any]:
    """Return lost and duplicate events and latencies for these ids; no latencies if commit times are unknown."""
    wanted = frames.mask(ids) if frames.all else 0
    missing = [(wanted & ~tally.page).bit_count() if frames.all else len(ids) for tally in tallies]
    times = [tally.at[-1] for tally in tallies if tally.at]
    return {
        "sockets": len(tallies),
        "lost": sum(missing),
        "twice": sum(tally.twice for tally in tallies),
        "again": sum(tally.again for tally in tallies),
        "deliveries": sum((wanted & tally.page).bit_count() for tally in tallies),
        "last": max(times, default=0.0),
        "bytes": sum(frames.all[number].size for tally in tallies for number in tally.got),
        **(percentiles(frames, tallies, dict(zip(ids, committed, strict=True))) if committed else {}),
    }


def percentiles(frames: Frames, tallies: list[Tally], committed: Mapping[int, float]) -> dict[str, float]:
    """Return milliseconds from commit to receipt, of all sockets or of as many as can be counted quickly."""
    each = max(1, len(tallies) * len(committed) // MOST_LATENCIES)
    late: list[float] = []
    for tally in tallies[::each]:
        for at, number in zip(tally.at, tally.got, strict=True):
            late += [at - committed[one] for one in frames.all[number].ids if one in committed]
    late.sort()
    return {name: at_share(late, share) * 1000 for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))}


def at_share(ordered: list[float], share: float) -> float:
    """Return the value below which this share of the sorted values lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
