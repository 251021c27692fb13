"""A system check of the log's database: names the guarded tables whose triggers are gone, or no longer fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import DatabaseError, connections, transaction

from signal_log.audit.guard.installed import guarded
from signal_log.audit.guard.queue import stuck
from signal_log.conf import conf, problems


def check_guards(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """What ``signal_guard`` has installed tells of every column, and of none that is masked."""
    if problems() or conf.DATABASE not in (databases or ()):
        return []
    try:
        with transaction.atomic(using=conf.DATABASE):
            found = guarded(connections[conf.DATABASE])
            waits = stuck() if found else ""
    except DatabaseError:  # a role that may not read what is installed; whoever installed it may
        return []
    late: list[checks.CheckMessage] = (
        [checks.Warning(waits, hint="python manage.py signal_guard collect", id="signal_log.W031")] if waits else []
    )
    return late + [
        checks.Warning(
            f"{wrong} Writes past Django to this table are not recorded, or not as they should be.",
            hint=f"python manage.py signal_guard install {label}",
            id="signal_log.W031",
        )
        for label, wrong in found.items()
        if wrong
    ]
