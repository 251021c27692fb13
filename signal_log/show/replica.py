"""Reads whole pages of the history from the replica that ``READ_DATABASE`` names, and says how far it is behind.

Only what shows the past goes there: the live page and the addresses that it asks read the log itself, or a replica that
is behind would be a hole between what it has loaded and what it hears. A replica that does not answer costs nobody a
page: that is read from the log, and the replica is left alone for a while.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Final

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase
from django.utils.timesince import timesince

from signal_log import clock
from signal_log.amounts import counted
from signal_log.conf import conf
from signal_log.models import LogIdentity, SignalEvent
from signal_log.store.reading import reading_from
from signal_log.store.span import LARGEST_ID

logger = logging.getLogger(__name__)

LEFT_ALONE: Final = 10.0
"""Seconds in which a replica that failed is not asked again."""
MOST_COUNTED: Final = 1_000

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Lag:
    """What people are told of the replica that a page was read from; nothing if it has all that the log has."""

    behind: int = 0
    """Events that it does not have yet, counted up to ``MOST_COUNTED`` and one."""
    reached: datetime | None = None
    """When its newest event happened; None if it has none."""
    failed: bool = False
    is_another: bool = False
    """Whether it holds another log, so that nothing was read from it."""

    @property
    def number(self) -> str:
        """How many events it does not have, in words."""
        return f"more than {MOST_COUNTED:,} events" if self.behind > MOST_COUNTED else counted(self.behind, "event")

    def __str__(self) -> str:
        if self.is_another:
            return "READ_DATABASE holds another log than this one: this page is read from the log itself."
        if self.failed:
            return "The replica that pages of the history are read from does not answer: this one is read from the log."
        if not self.behind:
            return ""
        since = f", and ends {timesince(self.reached, clock.now(), depth=1)} ago" if self.reached else ""
        return (
            f"This page is read from a replica, which is {self.number} behind the log{since}. The live page has them."
        )


_lag: Final = ContextVar[Lag | None]("signal_log_replica_lag", default=None)
_failed_at: dict[str, float] = {}
_found_right: set[str] = set()
"""Aliases of replicas that have been compared with the log."""


def lag() -> Lag | None:
    """What is known of the replica that this page is read from; None where it is read from the log itself."""
    return _lag.get()


def from_the_replica(view: View) -> View:
    """Decorate a page that only reads: it is read from ``READ_DATABASE``, or from the log if that fails."""

    @wraps(view)
    def reading(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        alias = conf.READ_DATABASE
        if alias is None or alias == conf.DATABASE:
            return view(request, *args, **kwargs)
        if not _is_left_alone(alias):
            try:
                if holds_another_log(alias):
                    return _told(Lag(is_another=True), view, request, *args, **kwargs)
                with reading_from(alias):
                    return _told(lag_of(alias), view, request, *args, **kwargs)
            except DatabaseError as error:
                _failed_at[alias] = clock.monotonic()
                logger.warning("The replica %r does not answer; pages are read from the log: %s", alias, error)
        return _told(Lag(failed=True), view, request, *args, **kwargs)

    return reading


def holds_another_log(alias: str) -> bool:
    """Whether this is no copy of the log: its events would be shown as this log's. Asked until it was found right."""
    if alias in _found_right:
        return False
    there, here = (LogIdentity.objects.using(one).filter(pk=1).first() for one in (alias, conf.DATABASE))
    if there is None or here is None or not (there.value and here.value):
        return False  # too new to have a name, or too far behind
    if there.value == here.value:
        _found_right.add(alias)
    return there.value != here.value


def _told(known: Lag, view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    token = _lag.set(known)
    try:
        return view(request, *args, **kwargs)
    finally:
        _lag.reset(token)


def _is_left_alone(alias: str) -> bool:
    failed_at = _failed_at.get(alias)
    return failed_at is not None and clock.monotonic() - failed_at < LEFT_ALONE


def lag_of(alias: str, up_to: int = LARGEST_ID) -> Lag:
    """How far a replica is behind, or what was read of it up to an id.

    By its newest event: a clock would also run while nothing is written.
    """
    held = SignalEvent.objects.using(alias).filter(pk__lte=up_to).order_by("-pk")
    number, reached = held.values_list("pk", "occurred_at").first() or (0, None)
    missing = SignalEvent.objects.using(conf.DATABASE).filter(pk__gt=number).order_by()
    return Lag(missing[: MOST_COUNTED + 1].count(), reached)
