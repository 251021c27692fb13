"""Tells whether a line of an archive is as the redactions that name its event have left it."""

from __future__ import annotations

from enum import Enum

from signal_log.seal.archive import Line
from signal_log.seal.canonical import timestamp
from signal_log.seal.ranges import Ranges
from signal_log.seal.remains import Left
from signal_log.seal.verify.allowed import Allowed, Redaction


class State(Enum):
    """How a line is."""

    AS_LEFT = "as left"
    """As the newest redaction that names it has left it, or none names it."""
    BEFORE = "before"
    """As it was before a redaction that was begun, told of itself, and has not said that it ended."""
    ALTERED = "altered"


class ToldOfFile:
    """What redactions tell of the events in one file of an archive."""

    def __init__(self, generation: int, ids: Ranges, name: str, allowed: Allowed) -> None:
        self._generation = generation
        self._done = allowed.done
        self._newest_first: list[tuple[Redaction, Left]] = [
            (one, one.left)
            for one in reversed(allowed.redactions)
            if one.archive in ("", name) and one.rows.common(ids)
        ]
        self.named = Ranges(two for one, _ in self._newest_first for two in one.rows.common(ids))
        """The events of the file that redactions name."""

    def state(self, line: Line) -> State:
        """Compare a line with them; one that nobody names is for its digest to say."""
        if line.event is None or line.id is None:
            return State.AS_LEFT
        naming = [(one, left) for one, left in self._newest_first if line.id in one.rows]
        in_file = [one.number for one, _ in naming if one.archive]
        is_newest = True
        for one, left in naming:
            if self._is_left(line, one, left):
                return State.AS_LEFT if is_newest else State.BEFORE
            if one.archive:
                if one.number in self._done:
                    return State.ALTERED
                is_newest = False
            elif not in_file or one.number < in_file[-1]:
                return State.ALTERED  # else the event was still in the table, too, and that is what was redacted
        if not naming:
            return State.AS_LEFT
        return State.ALTERED if is_redacted(line) or is_newest else State.BEFORE

    def _is_left(self, line: Line, one: Redaction, left: Left) -> bool:
        event = line.event or {}
        place = left.leaves.leaf_of(line.id or 0)
        is_named = place == (self._generation, line.index) if place else (
            left.leaves.digests.get(line.id or 0) == bytes.fromhex(event["digest"])
        )  # fmt: skip
        kept = bytes.fromhex(event["kept_hashes"]) if event["kept_hashes"] else None
        return (
            is_named
            and event["redacted_at"] == timestamp(one.at)
            and left.fits(line.id or 0, event, bytes.fromhex(event["salt"]), kept)
        )


def is_redacted(line: Line) -> bool:
    """Whether an event's line says that it was redacted."""
    event = line.event
    return event is not None and (event["redacted_at"] is not None or event["kept_hashes"] is not None)
