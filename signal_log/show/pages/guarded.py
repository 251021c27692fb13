"""What an object's page says of a hold on it, and where it can be held or redacted, for those who may."""

from __future__ import annotations

from django.http import HttpRequest

from signal_log.audit import hold
from signal_log.audit.holds_in_force import on_object
from signal_log.permission import HOLD, REDACT, may
from signal_log.show.links import url


class Guarded:
    """Of one object."""

    def __init__(self, request: HttpRequest, label: str, labels: tuple[str, ...], pk: str) -> None:
        held = on_object(labels, pk)
        self.hold = hold.shown(held) if held else ""
        self.holds_url = url("holds")
        self.hold_url = url("holds", label=label, pk=pk) if not self.hold and may(request.user, HOLD) else ""
        self.redact_url = url("redact", label=label, pk=pk) if not self.hold and may(request.user, REDACT) else ""
