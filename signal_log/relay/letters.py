"""Dead letters: which events a relay's receiver has refused for good, and which of them somebody wants sent again."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import F

from signal_log import clock
from signal_log.models import DeadLetter
from signal_log.relay.message import Message

AT_ONCE: Final = 100
LONGEST_REASON: Final = 500
GONE: Final = "The event was pruned, so that it cannot be sent any more."


def keep(relay: str, message: Message, why: str) -> None:
    """Keep that a message was refused, and why."""
    where: dict[str, Any] = {"relay": relay, "event": message.id, "is_tombstone": message.is_tombstone}
    now = clock.now()
    again = {"reason": why[:LONGEST_REASON], "refused_at": now, "wanted_at": None}
    if not DeadLetter.objects.filter(**where).update(**again, attempts=F("attempts") + 1):
        DeadLetter.objects.update_or_create(**where, defaults=again)


def wanted(relay: str) -> list[DeadLetter]:
    """Those that are to be sent again, in the order of their events."""
    return list(_of(relay).filter(wanted_at__isnull=False).order_by("event")[:AT_ONCE])


def settle(letter: DeadLetter) -> None:
    """It was taken."""
    letter.delete()


def give_up(letter: DeadLetter) -> None:
    """Its event is gone."""
    DeadLetter.objects.filter(pk=letter.pk).update(reason=GONE, wanted_at=None)


def send_again(letters: Any) -> int:
    """Ask for these dead letters to be sent again; returns how many are, now."""
    return int(letters.filter(wanted_at__isnull=True).update(wanted_at=clock.now()))


def of_relay(relay: str) -> Any:
    """All of a relay."""
    return _of(relay)


def _of(relay: str) -> Any:
    return DeadLetter.objects.filter(relay=relay)
