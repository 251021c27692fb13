"""What alerts can ask about the log itself: whether a verification has failed, and whether sealing has stopped."""

from __future__ import annotations

from typing import Final

from signal_log.audit.alerts.firing import Due, Fired
from signal_log.audit.alerts.rule import VERIFY_FAILED, Rule
from signal_log.models import AlertState, SealTree, Verification
from signal_log.seal.state import why_stopped

FAILED: Final = (Verification.Verdict.TAMPERED, Verification.Verdict.UNCHECKED)
"""The worse first: it is told although the other was just before."""


def due(rule: Rule, fired: Fired | None = None) -> Due | None:
    """Why the alert should fire now, if it should; ``fired`` is what the table remembers of it, if that was read."""
    return _verification(rule, fired) if rule.query == VERIFY_FAILED else _sealing()


def beginning(rule: Rule) -> int:
    """The number of the last verification from before the alert existed; those do not fire it."""
    if rule.query != VERIFY_FAILED:
        return 0
    return Verification.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _sealing() -> Due | None:
    """Fires again, after its time, for as long as it lasts."""
    tree = SealTree.objects.order_by("-generation").first()
    if tree is None or tree.state == SealTree.State.GROWING:
        return None
    return Due(1, detail=why_stopped(tree))


def _verification(rule: Rule, fired: Fired | None) -> Due | None:
    """Fires for the newest that has found something since it fired last; else for the newest that could not be done."""
    if fired is None:
        fired = Fired.of(AlertState.objects.values_list("state", flat=True).get(name=rule.name))
    newer = Verification.objects.filter(pk__gt=fired.up_to).order_by("-pk")
    for rank, verdict in enumerate(FAILED):
        newest = newer.filter(verdict=verdict).first()
        if newest is not None:
            detail = f"Verification {newest.pk} of the log: {newest.get_verdict_display()}."
            return Due(1, last=newest.pk, detail=detail, rank=len(FAILED) - rank)
    return None
