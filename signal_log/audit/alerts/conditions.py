"""What alerts can ask about the log itself: a verification that failed, sealing or signing that stopped, a witness
that forgot, writes past Django, a relay that stands still.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from signal_log import clock
from signal_log.audit.alerts.firing import Due, Fired
from signal_log.audit.alerts.rule import MOST_COUNTED, RELAY_STOPPED, VERIFY_FAILED, WITNESS_FORGOT, WRITTEN_PAST, Rule
from signal_log.models import AlertState, FoundBreak, SealTree, SealWitness, Verification
from signal_log.relay.state import standing_still
from signal_log.seal.state import LATE, UNSIGNED, why_stopped, why_unsigned

FAILED: Final = (Verification.Verdict.TAMPERED, Verification.Verdict.UNCHECKED)
"""The worse first: it is told although the other was just before."""
MOST_NAMED: Final = 10

_still_since: list[datetime] = []
"""When this process first saw that a relay stands still."""
_unsigned_since: list[datetime] = []
"""When this process first saw that nothing is signed; a signer that is started anew is away for a moment."""


def due(rule: Rule, fired: Fired | None = None) -> Due | None:
    """Why the alert should fire now, if it should; ``fired`` is what the table remembers of it, if that was read."""
    if rule.query == VERIFY_FAILED:
        return _verification(rule, fired)
    if rule.query == WITNESS_FORGOT:
        return _forgotten(rule, fired)
    if rule.query == RELAY_STOPPED:
        return _relays()
    return _past_writes(rule, fired) if rule.query == WRITTEN_PAST else _sealing()


def beginning(rule: Rule) -> int:
    """The number of the last verification, or break, from before the alert existed; those do not fire it."""
    if rule.query == VERIFY_FAILED:
        return Verification.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    if rule.query == WRITTEN_PAST:
        return FoundBreak.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    if rule.query == WITNESS_FORGOT:
        return max(SealWitness.objects.values_list("forgot_at", flat=True), default=0)
    return 0


def _sealing() -> Due | None:
    """Fires again, after its time, for as long as it lasts."""
    tree = SealTree.objects.order_by("-generation").first()
    if tree is None:
        return None
    if why := why_stopped(tree):
        return Due(1, detail=why)
    if not (why := why_unsigned(tree)):
        _unsigned_since.clear()
        return None
    now = clock.now()
    if not _unsigned_since:
        _unsigned_since.append(now)
    return Due(1, detail=f"{UNSIGNED} {why}") if (now - _unsigned_since[0]).total_seconds() >= LATE else None


def _relays() -> Due | None:
    """Fires again, after its time, for as long as one stands still; one that is started anew is away for a moment."""
    why = standing_still()
    now = clock.now()
    if not why:
        _still_since.clear()
        return None
    if not _still_since:
        _still_since.append(now)
    return Due(1, detail=why) if (now - _still_since[0]).total_seconds() >= LATE else None


def _forgotten(rule: Rule, fired: Fired | None) -> Due | None:
    """Fires for each witness that has forgotten something since it fired last."""
    since = (fired or _fired(rule)).up_to
    newer = list(SealWitness.objects.filter(forgot_at__gt=since).order_by("forgot_at"))
    if not newer:
        return None
    return Due(len(newer), last=newer[-1].forgot_at, detail=" ".join(f"{one.name}: {one.forgotten}" for one in newer))


def _verification(rule: Rule, fired: Fired | None) -> Due | None:
    """Fires for the newest that has found something since it fired last; else for the newest that could not be done."""
    fired = fired or _fired(rule)
    newer = Verification.objects.filter(pk__gt=fired.up_to).order_by("-pk")
    for rank, verdict in enumerate(FAILED):
        newest = newer.filter(verdict=verdict).first()
        if newest is not None:
            detail = f"Verification {newest.pk} of the log: {newest.get_verdict_display()}."
            return Due(1, last=newest.pk, detail=detail, rank=len(FAILED) - rank)
    return None


def _past_writes(rule: Rule, fired: Fired | None) -> Due | None:
    """Fires for all that were found since it fired last, and names no value."""
    newer = FoundBreak.objects.filter(pk__gt=(fired or _fired(rule)).up_to).order_by("pk")
    found = list(newer.values_list("pk", "after")[:MOST_COUNTED])
    if not found:
        return None
    events = {after for _, after in found}
    many = "An event" if len(events) == 1 else f"{len(events):,} events"
    detail = f"{many} found values written past Django: {', '.join(map(str, sorted(events)[:MOST_NAMED]))}"
    return Due(len(events), last=found[-1][0], detail=detail + (", …." if len(events) > MOST_NAMED else "."))


def _fired(rule: Rule) -> Fired:
    return Fired.of(AlertState.objects.values_list("state", flat=True).get(name=rule.name))
