"""Legal holds, which keep the events about one row, or by one actor, from pruning and redaction until released.

An operation's events are kept together: the first one of a creation has no key yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from django.db import connections, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from signal_log.audit.holds_in_force import HOLD, Hold, in_force, labels_of, readable, spread
from signal_log.audit.own_events import HELD, RELEASED, tell
from signal_log.audit.reason_text import said
from signal_log.audit.thing import Thing, account
from signal_log.capture.model.snapshot import clean
from signal_log.conf import conf
from signal_log.errors import RedactionError
from signal_log.models import SignalEvent
from signal_log.rows import labels_of_row
from signal_log.store.read import HAS_KEY, events
from signal_log.vendor import vendor_of

LONGEST_REASON: Final = 2_000
FEW: Final = 500
_LOCK: Final = 0x5167_6E61_6C48

Operation = tuple[Any, int]
"""Its trace, and its number there."""
NOTHING: Final[Mapping[Operation, Hold]] = MappingProxyType({})
_OPERATION: Final = ("trace_id", "operation")


class Holds:
    """The holds of one moment."""

    def __init__(self, held: Iterable[Hold]) -> None:
        self._held = tuple(held)
        self._by_row = {row: one for one in self._held if one.sender for row in spread(one)}
        self._by_actor = {one.actor_pk: one for one in self._held if not one.sender}
        self._own = {one.pk: one for one in self._held}

    def __bool__(self) -> bool:
        return bool(self._held)

    def on(self, event: SignalEvent) -> Hold | None:
        """The hold on an event's own row or actor; ``among`` knows of the rest of its operation, too."""
        return self._own.get(event.pk) or self._on(event.sender, event.object_pk, event.actor_pk)

    def among(self, found: Collection[SignalEvent], archived: Mapping[Operation, Hold] = NOTHING) -> dict[int, Hold]:
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

    def _on(self, sender: str, object_pk: str, actor_pk: str) -> Hold | None:
        return self._by_row.get((sender, object_pk)) or (self._by_actor.get(actor_pk) if actor_pk else None)

    def over(self, thing: Thing) -> Hold | None:
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
    """The holds that nobody has released; raises ``RedactionError`` where one cannot be kept."""
    return Holds(readable(in_force()))


def current_until_commit() -> Holds:
    """The same, so that no hold comes between this and the end of the transaction."""
    _alone(shared=True)
    return current()


def _alone(*, shared: bool = False) -> None:
    """Keep others from holding and releasing until the transaction ends. SQLite has one writer anyway."""
    connection = connections[conf.DATABASE]
    if vendor_of(connection) == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}(%s)", [_LOCK])


def shown(held: Hold) -> str:
    """What it is on and why, in a line."""
    return f"hold {held.pk} on {held} ({held.reason})"


def hold(reason: str, *, thing: Thing | None = None, actor: str = "") -> Hold:
    """Hold the events about a row, or by an actor, which is an event; raises ``RedactionError``."""
    reason = _reason(reason)
    if thing is None:
        account(actor)
    on = {"sender": thing.label if thing else "", "object_pk": thing.key if thing else "", "actor_pk": actor}
    with transaction.atomic(using=conf.DATABASE):
        _alone()
        before = _found(thing, actor)
        if before is not None:
            raise RedactionError(f"There already is {shown(before)}. Release it first.")
        tell(HELD, labels_of(**on), reason=reason)
        return in_force()[-1]


def release(reason: str = "", *, thing: Thing | None = None, actor: str = "", number: int | None = None) -> Hold:
    """Release a hold, by what it is on or by its number, which is an event; raises ``RedactionError`` without one."""
    with transaction.atomic(using=conf.DATABASE):
        _alone()
        held = _found(thing, actor) if number is None else next((one for one in in_force() if one.pk == number), None)
        if held is None:
            on = thing or f"everything by {actor}"
            raise RedactionError(f"There is no hold {f'on {on}' if number is None else number}.")
        on_what = labels_of(sender=held.sender, object_pk=held.object_pk, actor_pk=held.actor_pk)
        tell(RELEASED, {HOLD: held.pk, **on_what}, reason=said(clean(reason))[:LONGEST_REASON])
    return held


def events_held(held: Hold) -> Q:
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


def _found(thing: Thing | None, actor: str) -> Hold | None:
    for one in in_force():
        on_it = one.sender in thing.family and one.object_pk == thing.key if thing else one.actor_pk == actor != ""
        if on_it:
            return one
    return None
