"""Fires an alert once, whichever process finds it due first: compare-and-swap in the table that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import transaction

from signal_log.audit.alerts.rule import Rule, masked
from signal_log.audit.own_events import ALERTED, tell
from signal_log.capture.api import context
from signal_log.conf import conf
from signal_log.models import AlertState

SOURCE: Final = "alerts"
"""The source of what alerts themselves write, a mail backend's rows included: none of it can trigger an alert."""
UP_TO: Final = "fired_up_to"
GAPS: Final = "gaps"
RANK: Final = "rank"
MOST_GAPS: Final = 1_000

Ranges = Sequence[tuple[int, int]]


class Due(NamedTuple):
    """An alert's reason to fire: so many events from one id to another, or a sentence about the log itself.

    In the latter case ``last`` is what the condition counts: the number of a verification.
    """

    times: int
    first: int = 0
    last: int = 0
    detail: str = ""
    rank: int = 0
    """A higher one is worse, and fires although a lower one has just done so."""


class Fired(NamedTuple):
    """With which events an alert has fired: those up to an id, without the ones that were still to be committed."""

    up_to: int = 0
    gaps: Ranges = ()
    rank: int = 0
    """How bad the last reason was."""

    def __contains__(self, number: object) -> bool:
        return (
            isinstance(number, int)
            and number <= self.up_to
            and not any(first <= number <= last for first, last in self.gaps)
        )

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Fired:
        """What the table remembers."""
        return cls(int(state.get(UP_TO, 0)), [(first, last) for first, last in state.get(GAPS, ())],
                   int(state.get(RANK, 0)))  # fmt: skip

    def as_state(self) -> dict[str, Any]:
        """The same, to be remembered."""
        return {UP_TO: self.up_to, GAPS: [list(gap) for gap in self.gaps if gap[0] <= self.up_to][-MOST_GAPS:],
                RANK: self.rank}  # fmt: skip


class Outcome(NamedTuple):
    """What became of it: why it has fired, if it has; and when it may again, if not before then."""

    due: Due | None = None
    quiet_until: datetime | None = None
    rank: int = 0
    """Of the reason that it has fired for last: a worse one does not wait."""


def begin(rule: Rule, newest: int, up_to: int = 0) -> int:
    """The id up to which the alert has looked; a new one begins at the newest event."""
    defaults = {"last_id": newest, "state": Fired(up_to).as_state()}
    state, _ = AlertState.objects.get_or_create(name=rule.name, defaults=defaults)
    return state.last_id


def fire(rule: Rule, due: Callable[[Fired], Due | None], now: datetime, gaps: Ranges = ()) -> Outcome:
    """Fire once for all processes, with an event in the same transaction.

    ``due`` says what is left of the reason without that with which another process has fired; ``gaps`` are the ids that
    nobody has read yet, because they may still be committed.
    """
    with transaction.atomic(using=conf.DATABASE):
        state = AlertState.objects.get(name=rule.name)
        fired = Fired.of(state.state)
        left = due(fired)
        if left is None:
            return Outcome()
        until = state.fired_at + timedelta(seconds=rule.seconds) if state.fired_at is not None else now
        if now < until and left.rank <= fired.rank:
            return Outcome(quiet_until=until, rank=fired.rank)
        # Of two that come here at once, the second finds another time than it has read.
        now_fired = Fired(max(fired.up_to, left.last), gaps, left.rank)
        same = AlertState.objects.filter(pk=state.pk, fired_at=state.fired_at)
        if not same.update(fired_at=now, state=now_fired.as_state()):
            return Outcome()
        with context(source=SOURCE):
            tell(ALERTED, **_labels(rule, left))
    return Outcome(left, now + timedelta(seconds=rule.seconds), left.rank)


def _labels(rule: Rule, due: Due) -> dict[str, Any]:
    said: dict[str, Any] = {"name": rule.name, "count": due.times, "query": rule.query}
    if not rule.is_condition:
        said |= {"seconds": rule.seconds, "first_event": due.first, "last_event": due.last}
    if due.detail:
        said["detail"] = due.detail
    return said | {"to": [masked(address) for address in rule.to]}


def seen(names: list[str], up_to: int) -> None:
    """Remember that everything up to this id was looked at."""
    AlertState.objects.filter(name__in=names, last_id__lt=up_to).update(last_id=up_to)


def restart(names: list[str], newest: int) -> None:
    """The log is another one than before: what was remembered of its ids is void."""
    AlertState.objects.filter(name__in=names).update(last_id=newest, state=Fired().as_state())
