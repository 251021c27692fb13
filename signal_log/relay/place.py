"""A relay's place in the log: read, checked against the log that is there, and moved only from where it was."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Final

from django.db.models import F

from signal_log import clock
from signal_log.amounts import counted
from signal_log.conf import conf
from signal_log.errors import CursorError, RelayError
from signal_log.event import MAINTENANCE
from signal_log.models import RelayCursor, SignalEvent
from signal_log.store.read import events
from signal_log.store.schema import log_identity
from signal_log.store.span import span_of
from signal_log.tail.cursor import START, Anchor, Token

PRUNE: Final = "command:signal_prune"
GONE: Final = "0" * 8
"""In the place of a digest's first digits, of an event that was pruned."""
RESET: Final = "signal_relay {name} --reset begins anew with the oldest event, and --reset --from WHERE elsewhere"


class MovedError(RelayError):
    """Another process has moved the relay's cursor meanwhile."""


class Place:
    """The row of one relay; ``anchor`` is the event up to which all is settled."""

    def __init__(self, row: RelayCursor, anchor: Anchor) -> None:
        self.name = row.name
        self.anchor = anchor
        self._text = row.cursor

    def advance(self, anchor: Anchor, runner: str, sent: int) -> None:
        """Write down that all up to an event has been taken; raises ``MovedError`` if it is no longer where it was."""
        text = str(Token(epoch(), anchor))
        now = clock.now()
        changes: dict[str, Any] = {"cursor": text, "reached": anchor.id, "runner": runner, "heartbeat_at": now}
        if sent:
            changes |= {"sent": F("sent") + sent, "sent_at": now, "problem": "", "problem_since": None}
        moved = _rows(self.name).filter(cursor=self._text).update(**changes)
        # It may be there already: the connection was lost after the last COMMIT, and before its answer.
        if not moved and not _rows(self.name).filter(cursor=text).exists():
            raise MovedError(
                f"Another process has moved the cursor of the relay {self.name!r}: it runs there too, or somebody has "
                "set it back. This one ends, and has sent nothing that the other will not send again."
            )
        self._text, self.anchor = text, anchor

    def must_hold(self) -> None:
        """Raise ``RelayError`` if the log is not the one that the cursor is of."""
        token = Token.parse(self._text)
        again = RESET.format(name=self.name)
        if token.epoch != epoch():
            raise RelayError(
                f"The cursor of the relay {self.name!r} is of another log than this one, as after a copy or a `flush`. "
                f"Nothing is sent. {again}."
            )
        if not token.anchor.id:
            return
        digest = events().filter(pk=token.anchor.id).values_list("digest", flat=True).first()
        if digest is None and was_pruned(token.anchor.id):
            return
        if digest is None or bytes(digest).hex()[:8] != token.anchor.mark:
            raise RelayError(
                f"The log was rewound below event {token.anchor.id:,}, up to which the relay {self.name!r} has sent: "
                f"a backup was restored, or the table was made anew. Nothing is sent. {again}."
            )


def find(name: str) -> Place | None:
    """Where a relay is; None if it has never run. Raises ``RelayError`` if nobody can tell."""
    row = _rows(name).first()
    if row is None:
        return None
    try:
        return Place(row, Token.parse(row.cursor).anchor)
    except CursorError:
        raise RelayError(f"The cursor of the relay {name!r} is damaged. {RESET.format(name=name)}.") from None


def begin(name: str, anchor: Anchor) -> Place:
    """Begin at an event, whatever was there before."""
    text = str(Token(epoch(), anchor))
    row, _ = RelayCursor.objects.update_or_create(
        name=name, defaults={"cursor": text, "reached": anchor.id, "problem": "", "problem_since": None}
    )
    return Place(row, anchor)


def below(where: int | datetime | None) -> Anchor:
    """The place from which the next event is the first of an id or a time on; None is behind the newest of all.

    Ids are not in the order of time, so later ones may be of events that happened a little before that time.
    """
    if isinstance(where, datetime):
        where = _first_since(where)
    found = events().order_by("-pk") if where is None else events().filter(pk__lt=where).order_by("-pk")
    edge = found.values_list("pk", "digest").first()
    if edge is not None:
        return Anchor(edge[0], bytes(edge[1]).hex()[:8])
    if where is not None and where > 1 and was_pruned(where - 1):  # nobody asked for what is gone
        return Anchor(where - 1, GONE)
    return START


def _first_since(moment: datetime) -> int | None:
    """The lowest id of an event from a time on; None if nothing has happened since."""
    span = span_of(moment, None, scan=False)
    if span.low > span.high:
        return None
    inside = events().filter(pk__gte=span.low, pk__lte=span.high, occurred_at__gte=moment)
    return inside.order_by("pk").values_list("pk", flat=True).first()


def anchor_of(event: SignalEvent) -> Anchor:
    """An event as cursors name it."""
    return Anchor(event.pk, bytes(event.digest).hex()[:8])


def epoch() -> str:
    """What identifies this log in cursors; the same as the live page's."""
    return hashlib.sha256(log_identity(conf.DATABASE).encode()).hexdigest()[:8]


def was_pruned(number: int) -> bool:
    """Whether a prune after it explains that there is no event with this id."""
    return prunes_above(number).exists()


def prunes_above(number: int) -> Any:
    """The events of prunes above an id."""
    return events().filter(signal=MAINTENANCE, source=PRUNE, pk__gt=number)


def note_failure(name: str, why: str, runner: str, *, failed: int = 0) -> None:
    """Write down why a relay does not get on."""
    now = clock.now()
    changes = {"runner": runner, "heartbeat_at": now, "problem": why, "last_error": why, "last_error_at": now}
    _rows(name).filter(problem="").update(problem_since=now)
    _rows(name).update(**changes, failed=F("failed") + failed)


def note_missing(name: str, number: int) -> str:
    """Write down that events were pruned before they were sent, and say so."""
    said = f"{counted(number, 'event was', 'events were')} pruned before the relay {name!r} could send "
    said += "it." if number == 1 else "them."
    _rows(name).update(missed=F("missed") + number, last_error=said, last_error_at=clock.now())
    return said


def beat(name: str, runner: str) -> None:
    """Write down that a process runs the relay; that nobody does, if it is empty."""
    _rows(name).update(runner=runner, heartbeat_at=clock.now())


def get_on(name: str) -> None:
    """Write down that nothing is wrong any more."""
    _rows(name).exclude(problem="").update(problem="", problem_since=None)


def _rows(name: str) -> Any:
    return RelayCursor.objects.filter(name=name)
