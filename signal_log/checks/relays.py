"""The system check of ``RELAYS``: a relay that is wrong would send nothing, and nobody would notice."""

from __future__ import annotations

from typing import Any

from django.core import checks

from signal_log.conf import accepted, conf
from signal_log.relay.settings import ACCEPTED, WEBHOOK, problems, relays


def check_relays(**_: Any) -> list[checks.CheckMessage]:
    """Each relay has a sink, an address of its kind, a format, and a query that can match; a webhook is signed."""
    if not accepted("RELAYS"):
        return []
    found: list[checks.CheckMessage] = [
        checks.Error(f"SIGNAL_LOG['RELAYS'][{name!r}]: {what}", hint=f"Accepted: {ACCEPTED}.", id="signal_log.E023")
        for name, what in problems(conf.RELAYS)
    ]
    found += [
        checks.Warning(
            f"SIGNAL_LOG['RELAYS'][{one.name!r}] has neither a 'secret' nor 'headers', so its receiver cannot tell who "
            "sends.",
            hint='Make one with `openssl rand -base64 24`, and give both sides "whsec_" and what it printed. '
            "docs/relay.md shows how a receiver verifies the signature.",
            id="signal_log.W034",
        )
        for one in relays()
        if one.sink == WEBHOOK and not one.secrets and not one.headers
    ]
    return found
