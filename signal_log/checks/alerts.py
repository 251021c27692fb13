"""The system check of ``ALERTS``: an alert that is wrong would never fire, and nobody would notice."""

from __future__ import annotations

from typing import Any

from django.core import checks

from signal_log.audit.alerts.rule import ACCEPTED, problems
from signal_log.conf import accepted, conf


def check_alerts(**_: Any) -> list[checks.CheckMessage]:
    """Each alert has a query that can match, a count within a time, and addresses."""
    if not accepted("ALERTS"):
        return []
    return [
        checks.Error(f"SIGNAL_LOG['ALERTS'], {what}", hint=f"Accepted: {ACCEPTED}.", id="signal_log.E021")
        for what in problems(conf.ALERTS)
    ]
