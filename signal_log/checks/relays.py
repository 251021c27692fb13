"""The system check of ``RELAYS``: a relay that is wrong would send nothing, and nobody would notice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from django.core import checks

from signal_log.conf import accepted
from signal_log.errors import ConfigurationError
from signal_log.relay.addresses import FILE, WEBHOOK
from signal_log.relay.settings import ACCEPTED, Relay, configured, parse, relays


def check_relays(**_: Any) -> list[checks.CheckMessage]:
    """Each relay has a sink, an address of its kind, a format, and a query that can match; a webhook is signed."""
    if not accepted("RELAYS"):
        return []
    found: list[checks.CheckMessage] = [
        checks.Error(f"SIGNAL_LOG['RELAYS'][{name!r}]: {what}", hint=f"Accepted: {ACCEPTED}.", id="signal_log.E023")
        for name, what in _wrong()
    ]
    right = relays()
    found += [
        checks.Warning(
            f"SIGNAL_LOG['RELAYS'][{one.name!r}] has neither a 'secret' nor 'headers', so its receiver cannot tell who "
            "sends.",
            hint='Make one with `openssl rand -base64 24`, and give both sides "whsec_" and what it printed. '
            "docs/relay.md shows how a receiver verifies the signature.",
            id="signal_log.W034",
        )
        for one in right
        if one.sink == WEBHOOK and not one.secrets and not one.headers
    ]
    return found + [warning for pair in combinations(right, 2) for warning in _alike(*pair)]


def _wrong() -> Iterator[tuple[Any, str]]:
    """The name of each relay with faults, and those."""
    for name, given in configured().items():
        try:
            parse(name, given)
        except ConfigurationError as error:
            yield name, str(error)


def _alike(one: Relay, other: Relay) -> Iterator[checks.CheckMessage]:
    """Two relays that get into each other's way, or are taken for each other."""
    if (one.sink, _place(one)) == (other.sink, _place(other)):
        yield checks.Warning(
            f"SIGNAL_LOG['RELAYS'] sends {one.name!r} and {other.name!r} to the same address, {one.shown_url}, which "
            "gets each event twice that both select.",
            hint="Remove one, or give it another 'url'. If their 'filters' share no event, silence this warning.",
            id="signal_log.W037",
        )
    if one.name.lower() == other.name.lower():
        yield checks.Warning(
            f"SIGNAL_LOG['RELAYS'] has {one.name!r} and {other.name!r}, whose names differ only in case: they are two "
            "relays, each with a place of its own in the log.",
            hint="Name one of them otherwise, or remove it.",
            id="signal_log.W038",
        )


def _place(relay: Relay) -> str:
    return os.path.realpath(relay.path) if relay.sink == FILE else relay.url
