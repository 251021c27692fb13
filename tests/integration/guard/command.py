"""The command that guards tables, what became of writes to them, and what the system check says."""

from __future__ import annotations

from io import StringIO
from typing import Any

from django.core.checks import run_checks
from django.core.management import call_command

from signal_log.audit.guard.events import collect
from signal_log.models import SignalEvent


def guard(*words: str) -> str:
    """Run the command, and return what it prints."""
    out = StringIO()
    call_command("signal_guard", *words, stdout=out, stderr=out)
    return out.getvalue()


def told() -> list[SignalEvent]:
    """Return the events of writes past Django, oldest first."""
    collect()
    return list(SignalEvent.objects.filter(source="database").order_by("pk"))


def warnings() -> list[Any]:
    """Return what the system check says of guards."""
    return [found for found in run_checks(databases=["default"]) if found.id == "signal_log.W031"]
