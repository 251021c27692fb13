"""The legal holds in force, as the log's own events tell them: there is no table of holds that could say otherwise.

A hold is its event, whose id is its number, until an event of a release names that. What was altered since it was
sealed releases nothing, and where a hold's event does not say any more what it is on, nothing may be removed at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet

from signal_log.audit.own_events import HELD, RELEASED
from signal_log.audit.own_events import SENDER as LOG
from signal_log.errors import ProofError, RedactionError
from signal_log.event import COMMITTED, MAINTENANCE
from signal_log.models import SignalEvent
from signal_log.models.event import UNUSUAL
from signal_log.rows import labels_of_row
from signal_log.seal.as_sealed import Sealed
from signal_log.seal.remains import left_by
from signal_log.store.read import events

OBJECT: Final = "object"
ACCOUNT: Final = "account"
REDACTION: Final = "command:signal_redact"
HOLD: Final = "hold"
"""In a release: the number of the hold that it ends."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold in force."""

    pk: int
    """Its number: the id of its event."""
    sender: str
    """The label of the row's model; empty if the hold is on what an account has done."""
    object_pk: str
    actor_pk: str
    reason: str
    held_by_pk: str
    held_by_repr: str
    held_at: datetime
    is_readable: bool = True
    """Whether its event is as it was written, and says what it is on."""

    def __str__(self) -> str:
        if not self.is_readable:
            return "what its event does not say any more"
        return f"{self.sender} {self.object_pk}" if self.sender else f"everything by {self.actor_pk}"


def told() -> QuerySet[SignalEvent]:
    """The events of holds and releases, oldest first."""
    of_the_log = events().filter(UNUSUAL, signal__in=(HELD, RELEASED), sender=LOG, object_pk="", outcome=COMMITTED)
    return of_the_log.order_by("pk")


def in_force() -> list[Hold]:
    """The holds that nobody has released, oldest first."""
    events_of_holds = list(told())
    if not events_of_holds:
        return []
    found: dict[int, Hold] = {}
    sealed = Sealed()
    for event in events_of_holds:
        is_whole = sealed.has(event)
        if event.signal == HELD:
            found[event.pk] = _hold(event, is_whole=is_whole)
        elif is_whole and (event.redacted_at is None or _is_as_left(event, sealed)):
            number = dict(event.labels or {}).get(HOLD)
            found.pop(number if isinstance(number, int) else 0, None)
    return list(found.values())


def readable(held: Iterable[Hold]) -> Iterator[Hold]:
    """The holds, where each of them can be kept; else raises ``RedactionError``."""
    for one in held:
        if not one.is_readable:
            raise RedactionError(
                f"Event {one.pk} tells of a legal hold that nobody has released, and was altered or erased since: "
                "nothing is removed while it is not known what that was on. `signal_verify` tells of it; put the event "
                f"back as it was, or end the hold: signal_hold --release --number {one.pk}."
            )
        yield one


def on_object(labels: Iterable[str], key: str) -> Hold | None:
    """The hold on a row, by any of the labels that it is recorded under."""
    named = set(labels)
    return next((one for one in in_force() if one.sender in named and one.object_pk == key), None)


def spread(held: Hold) -> Iterator[tuple[str, str]]:
    """The labels and the key of the row that a hold is on."""
    return ((label, held.object_pk) for label in labels_of_row(held.sender))


def labels_of(*, sender: str, object_pk: str, actor_pk: str) -> dict[str, str]:
    """How the event of a hold says what it is on."""
    return {OBJECT: f"{sender}/{object_pk}"} if sender else {ACCOUNT: actor_pk}


def _hold(event: SignalEvent, *, is_whole: bool) -> Hold:
    labels: dict[str, Any] = event.labels if isinstance(event.labels, dict) else {}
    sender, _, key = str(labels.get(OBJECT, "")).partition("/")
    actor = str(labels.get(ACCOUNT, ""))
    return Hold(
        event.pk, sender if key else "", key, actor, str(labels.get("reason", "")), event.actor_pk, event.actor_repr,
        event.occurred_at, is_readable=is_whole and event.redacted_at is None and bool(key or actor),
    )  # fmt: skip


def _is_as_left(event: SignalEvent, sealed: Sealed) -> bool:
    """Whether a release of which something was masked is as that redaction's event says; its digest does not tell."""
    redactions = events().filter(UNUSUAL, signal=MAINTENANCE, source=REDACTION).order_by("-pk")
    for redaction in redactions.iterator(chunk_size=100):
        with suppress(ProofError):
            left = left_by(redaction.labels)
            if event.pk in left.rows:
                kept = bytes(event.kept_hashes or b"")
                return left.fits(event.pk, vars(event), bytes(event.salt), kept) and sealed.has(redaction)
    return False
