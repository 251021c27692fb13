"""System checks of ``LOGS``: each entry is right, and its database holds the log that it is named by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks

from signal_log.conf import accepted
from signal_log.show.logs.asking import READ, begin
from signal_log.show.logs.named import ACCEPTED, Log, faults, others
from signal_log.store.reading import read_from


def check_logs(**_: Any) -> list[checks.CheckMessage]:
    """Each is named by an origin, and has a database of its own and an address."""
    if not all(map(accepted, ("LOGS", "DATABASE", "READ_DATABASE", "SEAL_ORIGIN"))):
        return []
    return [
        checks.Error(f"SIGNAL_LOG['LOGS'][{name}]: {what}", hint=f"Accepted: {ACCEPTED}.", id="signal_log.E051")
        for name, what in faults()
    ]


def check_named_logs(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Those in these databases answer, and are the logs that they are named as."""
    if not all(map(accepted, ("LOGS", "DATABASE", "READ_DATABASE", "SEAL_ORIGIN"))):
        return []
    asked = [log for log in others() if log.alias in (databases or ())]
    return [
        checks.Warning(
            f"SIGNAL_LOG['LOGS']: {answer.problem}",
            hint="Pages show the other logs, and this sentence. docs/operations.md says what a log needs to be shown.",
            id="signal_log.W051",
        )
        for answer in begin(asked, _read_each)()
        if answer.problem
    ]


def _read_each(_: Log) -> None:
    """Read a row of each table, with all of its columns."""
    for model in READ:
        model._default_manager.using(read_from()).first()
