"""Alerts: what of ``ALERTS`` is seen in the log, or of the log, is told by mail and webhook, and is an event."""

from __future__ import annotations

from typing import Final

from signal_log.audit.alerts.watch import Watch

_watch: Final = Watch()


def step() -> bool:
    """Look once; returns whether more is waiting to be looked at. For the one thread that works in the background."""
    return _watch.step()


def close() -> None:
    """Close the connection, when that thread ends."""
    _watch.close()
