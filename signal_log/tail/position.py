"""A client's position in the log: what it has been sent, what it is still owed, and which cursor it may be given.

A client is *live* while the hub hands it each new batch, or *behind*: then it reads from the table itself, upwards
from its place, until it has caught up. Of what the hub hands out meanwhile, everything above its place will be read
from the table anyway; late events below it are noted as *owed* and read too.

    resumed, began, filters_changed ──► behind ──── next_read: nothing is left ────► live
                                          ▲  next_read ► read_returned | read_failed    │
                                          └──────────────── fell_behind ────────────────┘
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from signal_log.tail.cursor import START, Anchor, Frontier, Ids, Range
from signal_log.tail.wire import Encoded

MAX_RANGES: Final = 50
"""Ranges of owed ids that one read asks for."""


@dataclass(frozen=True, slots=True)
class Read:
    """What to read next: the rows above ``above`` and not above ``up_to``, and those in ``ranges``."""

    above: int
    ranges: tuple[Range, ...]
    up_to: Anchor


class Position:
    """What happened to one client, in the order in which it happened; knows no socket and no database."""

    def __init__(self) -> None:
        self.begun = False
        """Whether a subscription has been taken up."""
        self.live = False
        self._floor = START
        """The cursor the client resumed from; it has everything up to here."""
        self._place = START
        """Everything up to here has been sent, is unwanted, or is owed; only what is above is read from the table."""
        self._owed = Ids()
        self._safe = START
        """The last cursor that was safe to hand out; the one to repeat while something below it may be owed."""
        self._arrived: list[int] | None = None
        """While a read is under way, the ids that the hub handed out since it began."""

    # --- subscriptions ----------------------------------------------------------------------------
    def resumed(self, cursor: Anchor) -> None:
        """The client came back with a cursor that holds."""
        self._begin(place=cursor, floor=cursor, safe=cursor)

    def began(self, frontier: Frontier) -> None:
        """The client starts afresh, with what comes after the newest event."""
        self._begin(place=frontier.top, floor=START, safe=frontier.settled)

    def filters_changed(self, frontier: Frontier) -> None:
        """The client asked for other events from here on."""
        if self.live:
            self._stop_at(frontier.top, frontier)

    def _begin(self, place: Anchor, floor: Anchor, safe: Anchor) -> None:
        self.begun, self.live = True, False
        self._place, self._floor, self._safe = place, floor, safe
        self._owed = Ids()

    def _stop_at(self, place: Anchor, frontier: Frontier) -> None:
        self.live = False
        self._place = place
        self._safe = max(frontier.settled, self._floor)

    # --- what the hub hands out -------------------------------------------------------------------
    def offered(self, events: Sequence[Encoded], before: Frontier) -> Sequence[Encoded]:
        """Which of the events of a batch to send now; ``before`` is the hub's frontier without them.

        These are the very ``events`` unless the client resumed from beyond the hub's own frontier, as after
        another process that had read further.
        """
        if self.live and self._floor.id <= before.settled.id:
            return events
        new = [event for event in events if event.id > self._floor.id]
        if self.live:
            return new
        self._note(event.id for event in new)
        return ()

    def fell_behind(self, before: Frontier, sent: Sequence[Encoded] = (), unsent: Sequence[Encoded] = ()) -> None:
        """Only ``sent`` of what was offered went out; ``before`` is the hub's frontier without either."""
        new = [event.anchor for event in sent if event.id > before.top.id]
        self._stop_at(new[-1] if new else before.top, before)
        self._note(event.id for event in unsent)

    # --- reads from the table ---------------------------------------------------------------------
    def next_read(self, frontier: Frontier) -> Read | None:
        """The read that begins now, or None when nothing is left: the client has caught up and is live."""
        if self._place.id >= frontier.top.id and not self._owed:
            self.live = True
            return None
        self._arrived = []
        return Read(self._place.id, tuple(self._owed.ranges[:MAX_RANGES]), frontier.top)

    def wanted(self, rows: Iterable[Encoded], frontier: Frontier) -> list[Encoded]:
        """The rows of a read that the client does not have, without those that the hub has yet to hand out."""
        return [
            row
            for row in rows
            # The rest of a backfill is owed, though the client may have resumed from beyond it.
            if (row.id > self._floor.id or row.id in self._owed) and row.id not in frontier.gaps
        ]

    def read_returned(self, read: Read, rows: Sequence[Encoded], unsent: Sequence[Encoded], *, complete: bool) -> None:
        """All wanted rows of a read went out but those ``unsent``; ``complete`` unless it stopped at its limit."""
        if unsent:
            done = max((row.anchor for row in rows if row.id < unsent[0].id), default=START)
        else:
            done = read.up_to if complete else rows[-1].anchor
        self._owed.discard_up_to(done.id, read.ranges)
        self._place = max(self._place, done)
        self._end_read(row.id for row in rows)

    def read_failed(self) -> None:
        """A read brought nothing; the next one will ask for the same."""
        self._end_read(())

    def log_replaced(self) -> None:
        """A read came back from another log than it began in; the client will start afresh."""
        self._arrived = None

    # --- backfills --------------------------------------------------------------------------------
    def backfill_read(self) -> int:
        """A read of the newest matching rows begins now; the id that they must not exceed."""
        self._arrived = []
        return self._place.id

    def wanted_backfill(self, rows: Iterable[Encoded], frontier: Frontier) -> list[Encoded]:
        """The rows of a backfill without those that come later anyway."""
        return [row for row in rows if row.id not in frontier.gaps and row.id not in self._owed]

    def backfill_returned(self, rows: Sequence[Encoded], sent: Sequence[Encoded], unsent: Sequence[Encoded]) -> None:
        """A backfill of ``rows`` came back; those ``unsent`` are owed, and until then no cursor passes them."""
        self._end_read(row.id for row in rows)
        if unsent:
            self._safe = min(self._safe, sent[-1].anchor)
            self._owe(row.id for row in unsent)

    # --- what the client is told ------------------------------------------------------------------
    def cursor(self, frontier: Frontier) -> Anchor:
        """From where the client may resume after everything it has been sent."""
        if self.live:
            self._safe = max(frontier.settled, self._floor)
        elif not self._owed and not self._may_owe():
            self._safe = max(self._floor, min(frontier.settled, self._place))
        return self._safe

    # --- what is owed -----------------------------------------------------------------------------
    def _note(self, ids: Iterable[int]) -> None:
        """The hub handed these out; whether they are owed is known only when a read under way has returned."""
        if self._arrived is None:
            self._owe(ids)
        else:
            self._arrived.extend(ids)

    def _owe(self, ids: Iterable[int]) -> None:
        for number in ids:
            if number <= self._place.id:  # what is above will be read in any case
                self._owed.add(number)

    def _may_owe(self) -> bool:
        return any(number <= self._place.id for number in self._arrived or ())

    def _end_read(self, found: Iterable[int]) -> None:
        arrived, self._arrived = self._arrived or (), None
        known = set(found)
        self._owe(number for number in arrived if number not in known)
