"""Parses times as people type them, in the current time zone."""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Final

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from signal_log import clock
from signal_log.amounts import parse_age
from signal_log.errors import FilterError

NOW: Final = re.compile(r"now(?:\s*-(.*))?", re.IGNORECASE | re.DOTALL)


def parse_moment(name: str, text: str) -> datetime | None:
    """Parse ISO text, in the current time zone if it has no offset, ``now``, ``now-10m`` or ``10m``; None if empty."""
    text = text.strip()
    if not text:
        return None
    # An unencoded "+" arrives as a space.
    restored = text.replace(" ", "+") if "T" in text and " " in text else text
    try:
        if now := NOW.fullmatch(text):
            age = parse_age(now[1] if now[1] is not None else "0s")
            if age is None:
                raise ValueError
            return _of_the_calendar(clock.now() - age)
        if (age := parse_age(text)) is not None:
            return _of_the_calendar(clock.now() - age)
        moment = parse_datetime(restored)
        if moment is None and (day := parse_date(text)) is not None:
            moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001  made aware below
        if moment is None:
            raise ValueError
        aware = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
        return _of_the_calendar(aware.astimezone(UTC))
    except (ValueError, OverflowError):
        raise FilterError(
            f"'{name}' must be a date or a time such as 2026-11-22, 2026-11-22 09:42 or 2026-11-22T09:42:17Z, or an "
            f"age such as now-10m, 2h or 1d, not {text[:50]!r}."
        ) from None


def is_moving(text: str) -> bool:
    """Whether a text that parses as a moment is another one a minute later."""
    return NOW.fullmatch(text.strip()) is not None or parse_age(text) is not None


def check_order(since: datetime | None, until: datetime | None) -> None:
    """Raise ``FilterError`` if nothing can be at or after the one and at or before the other."""
    if since and until and since > until:
        raise FilterError("'until' is earlier than 'since', so no event can match.")


def latest(*moments: datetime | None) -> datetime | None:
    """The last of those that are given: since all of them."""
    return max((moment for moment in moments if moment is not None), default=None)


def earliest(*moments: datetime | None) -> datetime | None:
    """The first of those that are given: until all of them."""
    return min((moment for moment in moments if moment is not None), default=None)


def _of_the_calendar(moment: datetime) -> datetime:
    """A moment that every zone has a date for; raises ``ValueError``."""
    if not MINYEAR < moment.year < MAXYEAR:
        raise ValueError(moment)
    return moment
