"""How long which events are kept: ``RETENTION_DAYS``, or what a command was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from signal_log import clock
from signal_log.conf import conf
from signal_log.event import NEVER_PRUNED
from signal_log.rows import labels_of_row

REST: Final = "*"
"""In ``RETENTION_DAYS``: every model that is not named."""
KEPT: Final = NEVER_PRUNED


@dataclass(frozen=True, slots=True)
class Retention:
    """From when on the events of each model are kept."""

    every: datetime | None = None
    """Where no label says otherwise; None: for ever."""
    labels: tuple[tuple[str, datetime | None], ...] = ()

    def kept_from(self, sender: str) -> datetime | None:
        """Events of this model before this time may go; None: none may."""
        named = {label.lower(): moment for label, moment in self.labels}
        if sender.lower() in named:
            return named[sender.lower()]
        for label in labels_of_row(sender):
            if label.lower() in named:
                return named[label.lower()]
        return self.every

    @property
    def latest(self) -> datetime | None:
        """From when on everything is kept; None if everything is."""
        return max(
            (moment for moment in (self.every, *(at for _, at in self.labels)) if moment is not None), default=None
        )


def of_days(days: Any) -> Retention:
    """The retention that ``RETENTION_DAYS`` means now."""
    now = clock.now()

    def since(number: int | None) -> datetime | None:
        return None if number is None else now - timedelta(days=number)

    if isinstance(days, Mapping):
        named = tuple((label, since(number)) for label, number in days.items() if label != REST)
        return Retention(since(days.get(REST)), named)
    return Retention(since(days))


def configured() -> Retention:
    """The one of the settings."""
    return of_days(conf.RETENTION_DAYS)
