"""Removes what is known of a relay that the settings do not name any more: its place, and its dead letters."""

from __future__ import annotations

from signal_log.errors import RelayError
from signal_log.models import RelayCursor
from signal_log.relay import letters
from signal_log.relay.runner import office_of
from signal_log.relay.settings import configured
from signal_log.seal import elected


def forget(name: str) -> tuple[int, int]:
    """Remove it; returns the event where it was, and how many dead letters went with it. Raises ``RelayError``."""
    if name in configured():
        raise RelayError(
            f"SIGNAL_LOG['RELAYS'] names {name!r}, and only a relay that was removed is forgotten: take it out first. "
            "--reset has it begin anew."
        )
    row, dead = RelayCursor.objects.filter(name=name).first(), letters.of_relay(name)
    if row is None and not dead.exists():
        known = ", ".join(repr(one.name) for one in RelayCursor.objects.all() if one.name not in configured())
        raise RelayError(f"Nothing is known of a relay {name!r}. Removed and not forgotten: {known or 'none'}.")
    if not elected.stand(office_of(name)):
        raise RelayError(f"A process still runs the relay {name!r}: end it first.")
    try:
        number = int(dead.count())
        dead.delete()
        RelayCursor.objects.filter(name=name).delete()
    finally:
        elected.resign(office_of(name))
    return row.reached if row else 0, number
