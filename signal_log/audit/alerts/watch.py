"""Watches the log for what ``ALERTS`` asks for: each process follows it with a gap-aware reader, and one of them fires.

``step()`` is called again and again by the thread of ``signal_log/background.py``. It reads what is new, and what came
while no server ran; windows are counted in memory, by the times of the events, and what was fired and how far was
looked stands in the table that all processes share.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from django.db import Error

from signal_log import clock
from signal_log.audit.alerts import conditions, firing, sending
from signal_log.audit.alerts.firing import SOURCE, Due, Fired
from signal_log.audit.alerts.rule import Rule, rules
from signal_log.audit.alerts.window import Window
from signal_log.audit.own_events import ALERTED
from signal_log.conf import conf
from signal_log.errors import LogUnavailable
from signal_log.store.follow import Follower
from signal_log.tail.cursor import Frontier
from signal_log.tail.reader import Tail

logger = logging.getLogger("signal_log")

PAGE: Final = 200
READS: Final = 10
"""How often one step reads at most."""
REMEMBER_EVERY: Final = 5.0
CONDITION_EVERY: Final = 5.0
"""Seconds between two looks at what is asked of the log itself."""
LOG_EVERY: Final = 60.0


class Watched:
    """One alert in this process."""

    def __init__(self, rule: Rule, last_id: int) -> None:
        self.rule = rule
        self.last_id = last_id
        """What was looked at before this process began."""
        self.window = Window(rule.count, rule.seconds)
        self.quiet_until: datetime | None = None
        self.rank = 0
        """How bad a reason has to be more than, to be told before then."""
        self._asked_at = float("-inf")

    def take(self, event: Mapping[str, Any]) -> None:
        """Count an event that matches; never one that an alert itself has caused."""
        if event["signal"] == ALERTED or event["source"] == SOURCE or event["id"] <= self.last_id:
            return
        if self.rule.matches(event):
            key = (event["trace_id"], event["operation"])
            self.window.add(datetime.fromisoformat(event["occurred_at"]), event["id"], key)

    def due(self, fired: Fired | None = None) -> Due | None:
        """Why it should fire now; given what it has fired with, that is forgotten first."""
        if self.rule.is_condition:
            if fired is None and clock.monotonic() - self._asked_at < CONDITION_EVERY:
                return None
            self._asked_at = clock.monotonic()
            return conditions.due(self.rule, fired)
        if fired is not None:
            self.window.forget(fired.__contains__)
        reached = self.window.reached
        return Due(*reached) if reached is not None else None


class Watch:
    """The alerts of this process; all its methods are called by one thread."""

    def __init__(self) -> None:
        self._log = Follower()
        self._given: Any = None
        self._watched: list[Watched] = []
        self._tail: Tail | None = None
        self._frontier: Frontier | None = None
        self._past = 0
        """Up to where events from before the start were read, until ``_past_end``."""
        self._past_end = 0
        self._remembered = (float("-inf"), 0)
        self._told_at = float("-inf")

    def step(self) -> bool:
        """Read what is new and fire what is due; returns whether more is waiting. Never raises for the database."""
        if not conf.ALERTS:
            return False
        try:
            return self._step()
        except (LogUnavailable, Error) as error:
            self._tail = None  # begin again where the table says
            now = clock.monotonic()
            if now - self._told_at >= LOG_EVERY:
                self._told_at = now
                logger.warning("Alerts wait for the log's database: %s", str(error).splitlines()[:1])
            return False

    def close(self) -> None:
        """Close the connection; a later step opens another."""
        self._log.close()
        self._tail = None

    def _step(self) -> bool:
        if self._tail is None or self._given is not conf.ALERTS:
            self._begin()
        more = self._read() if any(not one.rule.is_condition for one in self._watched) else False
        now = clock.now()
        for one in self._watched:
            self._fire(one, now)
        self._remember()
        return more

    def _begin(self) -> None:
        self._given = conf.ALERTS
        self._tail = Tail(self._log)
        self._frontier = frontier = self._tail.start()
        top = frontier.top.id
        self._watched = [Watched(rule, self._beginning(rule, top)) for rule in rules()]
        lowest = min((one.last_id for one in self._watched if not one.rule.is_condition), default=top)
        self._past, self._past_end = min(lowest, top), top

    @staticmethod
    def _beginning(rule: Rule, top: int) -> int:
        last_id = firing.begin(rule, top, conditions.beginning(rule))
        if last_id > top:  # the log was rewound
            firing.restart([rule.name], top)
        return min(last_id, top)

    def _read(self) -> bool:
        """Count what is new; returns whether there is more."""
        for _ in range(READS):
            if self._past < self._past_end:
                rows = self._log.read(self._past, (), PAGE, up_to=self._past_end)
                gaps = self._frontier.gaps if self._frontier else ()
                self._take(row for row in rows if row["id"] not in gaps)  # those the reader brings
                self._past = rows[-1]["id"] if len(rows) == PAGE else self._past_end
                continue
            batch = self._tail.advance() if self._tail else None
            if batch is None or batch.reset is not None:
                self._restart(batch.frontier.top.id if batch else 0)
                return False
            self._frontier = batch.frontier
            self._take(one.event for one in batch.events)
            if not batch.more:
                return False
        return True

    def _take(self, events: Iterable[Mapping[str, Any]]) -> None:
        for event in events:
            for one in self._watched:
                if not one.rule.is_condition:
                    one.take(event)

    def _restart(self, newest: int) -> None:
        firing.restart([one.rule.name for one in self._watched if not one.rule.is_condition], newest)
        self._tail = None

    def _fire(self, one: Watched, now: datetime) -> None:
        is_quiet = one.quiet_until is not None and now < one.quiet_until
        if is_quiet and not one.rule.is_condition:
            return
        due = one.due()
        if due is None or (is_quiet and due.rank <= one.rank):
            return
        gaps = self._frontier.gaps.ranges if self._frontier is not None and not one.rule.is_condition else ()
        outcome = firing.fire(one.rule, one.due, now, gaps)
        one.quiet_until, one.rank = outcome.quiet_until, outcome.rank
        if outcome.due is not None:
            logger.warning("The alert %r has fired.", one.rule.name)
            last = outcome.due.last
            one.window.forget(lambda number: number <= last)
            sending.send_later(one.rule, outcome.due, now)

    def _remember(self) -> None:
        """Write down, every few seconds, up to where nothing can come any more."""
        if self._frontier is None or self._past < self._past_end:
            return
        settled, (at, before) = self._frontier.settled.id, self._remembered
        if settled > before and clock.monotonic() - at >= REMEMBER_EVERY:
            firing.seen([one.rule.name for one in self._watched if not one.rule.is_condition], settled)
            self._remembered = (clock.monotonic(), settled)
