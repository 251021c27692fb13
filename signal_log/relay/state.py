"""How each relay stands, for every surface: the page, the metrics, the alert."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from signal_log import clock
from signal_log.amounts import counted_up_to
from signal_log.models import DeadLetter, RelayCursor
from signal_log.relay.settings import Relay, configured, relays
from signal_log.seal.settled import newest_id
from signal_log.store.read import events

ALIVE: Final = 20.0
"""Seconds after its last sign of life for which a relay counts as running."""
MOST_COUNTED: Final = 10_000
"""More events behind than that are told by the distance of their ids, some of which may be no events."""

Kind = Literal["running", "retrying", "stopped", "new", "wrong", "removed"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One relay: what is configured, and what is known of it."""

    name: str
    relay: Relay | None
    """None if it is not configured any more, or wrongly."""
    row: RelayCursor | None
    """None if it has never run."""
    waiting: int = 0
    """How many events come after its place; above ``MOST_COUNTED`` their ids are counted, of which some may be no
    events. Nobody counts them of a relay that was removed."""
    waiting_seconds: float = 0.0
    """How long ago the first of them occurred."""
    letters: int = 0
    asked: int = 0
    """How many of the dead letters are to be sent again."""
    is_wrong: bool = False

    @property
    def is_running(self) -> bool:
        """Whether a process has just said that it runs it."""
        row = self.row
        return bool(row and row.runner and row.heartbeat_at and _ago(row.heartbeat_at) <= ALIVE)

    @property
    def kind(self) -> Kind:
        """The state in a word."""
        if self.relay is None:
            return "wrong" if self.is_wrong else "removed"
        if self.row is None:
            return "new"
        if not self.is_running:
            return "stopped"
        return "retrying" if self.row.problem else "running"

    @property
    def is_standing_still(self) -> bool:
        """Whether somebody should look: it sends nothing, and there is something to send."""
        return self.kind in ("retrying", "stopped", "wrong") or (self.kind == "new" and self.waiting > 0)

    @property
    def sentence(self) -> str:
        """The state in a sentence or two."""
        told = {
            "running": self._running, "retrying": self._retrying, "stopped": self._stopped, "new": self._new,
            "wrong": self._wrong, "removed": self._removed,
        }  # fmt: skip
        return told[self.kind]()

    def _running(self) -> str:
        if not self.waiting:
            return "Its receiver has everything."
        return f"It sends; {behind(self.waiting)} {'is' if self.waiting == 1 else 'are'} still to come."

    def _retrying(self) -> str:
        return f"It is tried again and again. {self._problem()}"

    def _stopped(self) -> str:
        row = self.row
        if row is not None and row.problem:
            return f"Nothing is sent: no process runs it. {self._problem()}"
        return f"Nothing is sent: no process runs it. `manage.py signal_relay {self.name}` does."

    def _new(self) -> str:
        return f"It has never run. `manage.py signal_relay {self.name}` runs it."

    def _wrong(self) -> str:
        return "Its settings are wrong, so that it cannot run: `manage.py check` says how."

    def _removed(self) -> str:
        return (
            "RELAYS of this server does not name it any more. Named again, it goes on where it was; "
            f"`manage.py signal_relay {self.name} --forget` removes what is known of it."
        )

    def _problem(self) -> str:
        return self.row.problem if self.row is not None else ""


def standings() -> list[Standing]:
    """All relays that are configured, in their order, and then those that were."""
    rows = {row.name: row for row in RelayCursor.objects.all()}
    right = {relay.name: relay for relay in relays()}
    letters = Counter(DeadLetter.objects.values_list("relay", flat=True))
    asked = Counter(DeadLetter.objects.filter(wanted_at__isnull=False).values_list("relay", flat=True))
    newest = newest_id()
    found = []
    named = [*map(str, configured())]
    for name in [*named, *(name for name in rows if name not in named)]:
        row = rows.get(name)
        waiting, first = _waiting(row.reached if row is not None else 0, newest) if name in named else (0, None)
        seconds = _ago(first) if first is not None else 0.0
        is_wrong = name in named and name not in right
        relay = right.get(name)
        found.append(Standing(name, relay, row, waiting, seconds, letters[name], asked[name], is_wrong))
    return found


def standing_still() -> str:
    """Which relays need somebody, in a sentence each; empty if all get on."""
    still = [one for one in standings() if one.is_standing_still]
    return " ".join(f"The relay {one.name!r}: {one.sentence}" for one in still)


def behind(number: int) -> str:
    """``1 event``, ``up to 20,000 events``."""
    return counted_up_to(number, "event", MOST_COUNTED)


def _waiting(reached: int, newest: int) -> tuple[int, datetime | None]:
    if newest <= reached:
        return 0, None
    after = events().filter(pk__gt=reached).order_by("pk")
    number = after[: MOST_COUNTED + 1].count()
    first = after.values_list("occurred_at", flat=True).first()
    return (number if number <= MOST_COUNTED else newest - reached), first


def _ago(moment: datetime) -> float:
    return max(0.0, (clock.now() - moment).total_seconds())
