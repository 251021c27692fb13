"""Formats times for pages."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone

from signal_log.moments import parse_moment

__all__ = ["iso", "parse_moment", "zone"]


def iso(moment: datetime) -> str:
    """The shortest exact UTC text: ``2026-11-22T09:42:17.950112Z``."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def zone() -> str:
    """The name of the time zone that pages use."""
    return timezone.get_current_timezone_name()
