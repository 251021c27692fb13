"""Legal holds, which keep the events about one row, or by one actor, from pruning and redaction until released.

An operation's events are kept together: the first one of a creation has no key yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from django.db import connections, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from signal_log import clock
from signal_log.audit.sentence import said
from signal_log.audit.told import HELD, RELEASED, tell
from signal_log.audit.whom import Thing, account
from signal_log.capture.model.snapshot import clean
from signal_log.capture.trace.context import current_actor
from signal_log.conf import conf
from signal_log.errors import RedactionError
from signal_log.models import LegalHold, SignalEvent
from signal_log.rows import labels_of_row
from signal_log.store.read import HAS_KEY, events
from signal_log.vendor import vendor_of

LONGEST_REASON: Final = 2_000
FEW: Final = 500

Operation = tuple[Any, int]
"""Its trace, and its number there."""
NOTHING: Final[Mapping[Operation, LegalHold]] = MappingProxyType({})
_OPERATION: Final = ("trace_id", "operation")


class Holds:
    """The holds of one moment."""

    def __init__(self, held: Iterable[LegalHold]) -> None:
        self._held = tuple(held)
        self._by_row = {
            (label, one.object_pk): one for one in self._held if one.sender for label in labels_of_row(one.sender)
        }
        self._by_actor = {one.actor_pk: one for one in self._held if not one.sender}

    def __bool__(self) -> bool:
        return bool(self._held)

    def on(self, event: SignalEvent) -> LegalHold | None:
        """The hold on an event's own row or actor; ``among`` knows of the rest of its operation, too."""
        return self._on(event.sender, event.object_pk, event.actor_pk)

    def among(
        self, found: Collection[SignalEvent], archived: Mapping[Operation, LegalHold] = NOTHING
    ) -> dict[int, LegalHold]:
        """Which of these events are kept, by id, and by which hold; ``archived`` are operations held in archives."""
        if not self._held:
            return {}
        kept = {event.pk: held for event in found if (held := self.on(event)) is not None}
        left = [event for event in found if event.pk not in kept]
        held_too = dict(archived)
        for rows in same_operations(left):
            for trace, operation, *whose in rows.values_list(*_OPERATION, "sender", "object_pk", "actor_pk"):
                if (held := self._on(*whose)) is not None:
                    held_too[trace, operation] = held
        kept |= {event.pk: held_too[operation_of(event)] for event in left if operation_of(event) in held_too}
        return kept

    def _on(self, sender: str, object_pk: str, actor_pk: str) -> LegalHold | None:
        return self._by_row.get((sender, object_pk)) or (self._by_actor.get(actor_pk) if actor_pk else None)

    def over(self, thing: Thing) -> LegalHold | None:
        """The hold on a row, or on what an account has done."""
        row = next((found for label in thing.family if (found := self._by_row.get((label, thing.key)))), None)
        return row or (self._by_actor.get(thing.key) if thing.is_account else None)


def operation_of(event: SignalEvent) -> Operation:
    """Which operation an event is of."""
    return event.trace_id, event.operation


def same_operations(found: Sequence[SignalEvent]) -> Iterator[QuerySet[SignalEvent]]:
    """The events of the table that are of these events' operations, or of others in their traces, some at a time."""
    for at in range(0, len(found), FEW):
        part = found[at : at + FEW]
        yield (
            events()
            .filter(trace_id__in={event.trace_id for event in part}, operation__in={event.operation for event in part})
            .order_by()
        )


def current() -> Holds:
    """The holds that nobody has released."""
    return Holds(in_force())


def in_force() -> list[LegalHold]:
    """Their rows, oldest first."""
    return list(LegalHold.objects.using(conf.DATABASE).filter(released_at=None).order_by("id"))


def current_until_commit() -> Holds:
    """The same, so that no hold comes between this and the end of the transaction. SQLite has one writer anyway."""
    connection = connections[conf.DATABASE]
    if vendor_of(connection) == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {LegalHold._meta.db_table} IN SHARE MODE")
    return current()


def shown(held: LegalHold) -> str:
    """What it is on and why, in a line."""
    return f"hold {held.pk} on {held} ({held.reason})"


def hold(reason: str, *, thing: Thing | None = None, actor: str = "") -> LegalHold:
    """Hold the events about a row, or by an actor, and write an event of it; raises ``RedactionError``."""
    reason = _reason(reason)
    if thing is None:
        account(actor)
    by = current_actor()
    with transaction.atomic(using=conf.DATABASE):
        before = _found(thing, actor)
        if before is not None:
            raise RedactionError(f"There already is {shown(before)}. Release it first.")
        held = LegalHold(
            sender=thing.label if thing else "", object_pk=thing.key if thing else "", actor_pk=actor, reason=reason,
            held_by_pk=by.pk, held_by_repr=by.name, held_at=clock.now(),
        )  # fmt: skip
        held.save(using=conf.DATABASE)
        tell(HELD, hold=held.pk, reason=reason, **_on(held))
    return held


def release(reason: str = "", *, thing: Thing | None = None, actor: str = "") -> LegalHold:
    """Release a hold, and write an event of it; raises ``RedactionError`` if there is none."""
    by = current_actor()
    with transaction.atomic(using=conf.DATABASE):
        held = _found(thing, actor)
        if held is None:
            raise RedactionError(f"There is no hold on {thing or f'everything by {actor}'}.")
        held.released_at, held.released_by_pk, held.released_by_repr = clock.now(), by.pk, by.name
        held.release_reason = said(clean(reason))[:LONGEST_REASON]
        held.save(using=conf.DATABASE)
        tell(RELEASED, hold=held.pk, reason=held.release_reason, **_on(held))
    return held


def events_held(held: LegalHold) -> Q:
    """The events that a hold keeps: those about the row, or by the actor, with the rest of their operations."""
    if held.sender:
        own = Q(sender__in=labels_of_row(held.sender), object_pk=held.object_pk)
    else:
        own = Q(actor_pk=held.actor_pk) & HAS_KEY
    of_these = events().filter(own).order_by()
    same = of_these.filter(trace_id=OuterRef("trace_id"), operation=OuterRef("operation"))
    return Q(Exists(same), trace_id__in=of_these.values("trace_id"))


def _reason(text: str) -> str:
    reason = said(clean(text))
    if not reason:
        raise RedactionError("A hold needs a reason: who asked for it, and where that is written down.")
    if len(reason) > LONGEST_REASON:
        raise RedactionError(f"The reason is longer than {LONGEST_REASON:,} characters.")
    return reason


def _found(thing: Thing | None, actor: str) -> LegalHold | None:
    where = Q(sender__in=thing.family, object_pk=thing.key) if thing else Q(sender="", actor_pk=actor)
    found = LegalHold.objects.using(conf.DATABASE).filter(where, released_at=None).select_for_update()
    return found.order_by("id").first()


def _on(held: LegalHold) -> dict[str, str]:
    return {"object": f"{held.sender}/{held.object_pk}"} if held.sender else {"account": held.actor_pk}
