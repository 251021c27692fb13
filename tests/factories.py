"""Creates events for tests that read the log without sending a signal."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.types.json import Json

from signal_log.event import COMMITTED, Event
from signal_log.models import ReceiverCall, SignalEvent
from signal_log.seal.canonical import event_digest


def event_value(**fields: Any) -> Event:
    """Return a committed ``post_save`` of a user, with the given fields replaced and the right digest."""
    event = Event(
        signal="post_save",
        sender="auth.User",
        object_pk="1",
        object_repr="ada",
        created=False,
        raw=False,
        using="default",
        update_fields=None,
        origin=None,
        changes={"first_name": ["Ada", "Augusta"]},
        overwrote=[],
        trace_id=str(uuid.uuid4()),
        position=2,
        parent_position=None,
        operation=1,
        caused_by="",
        outcome=COMMITTED,
        error="",
        actor_pk="7",
        actor_repr="grace",
        source="http",
        request_id="",
        method="POST",
        path="/accounts/profile/",
        remote_addr="198.51.100.7",
        call_site="",
        occurred_at=datetime.now(UTC),
        process="test:1",
        salt=b"0123456789abcdef" * 2,
    )
    event = event._replace(**fields)
    event = event._replace(trace_id=str(event.trace_id))
    return event._replace(digest=event_digest(event._asdict(), event.salt))


def make_event(*, receivers: Sequence[dict[str, Any]] = (), **fields: Any) -> SignalEvent:
    """Store ``event_value(**fields)`` and the calls of these receivers, and return the event's row."""
    value = event_value(**fields)
    row = SignalEvent(**{**value._asdict(), "trace_id": uuid.UUID(value.trace_id)})
    event = SignalEvent.objects.bulk_create([row])[0]
    ReceiverCall.objects.bulk_create(calls_of(event, receivers))
    return event


def calls_of(event: SignalEvent, receivers: Sequence[dict[str, Any]]) -> list[ReceiverCall]:
    """Return an event's calls of receivers, each a dict as in ``SignalEvent.receivers``, one after the other."""
    calls, started_us = [], 100
    for receiver in receivers:
        told = {"error": "", "queries": 0, **receiver}
        calls.append(
            ReceiverCall(
                trace_id=event.trace_id,
                position=event.position,
                sender=event.sender,
                signal=event.signal,
                started_us=started_us,
                **told,
            )
        )
        started_us += told["duration_us"]
    return calls


def operation(trace: uuid.UUID, position: int, **fields: Any) -> SignalEvent:
    """Store a pre and a post event, and return the post event."""
    common = {"trace_id": trace, "operation": position, **fields}
    make_event(**{**common, "signal": "pre_save", "position": position, "created": None})
    return make_event(**{**common, "signal": "post_save", "position": position + 1})


def write_saves(names: Iterable[str], **fields: Any) -> None:
    """Store a save of a user for each of these names, with its two events in a trace of its own, all at once."""
    rows = []
    for name in names:
        trace = uuid.uuid4()
        for position, signal, created in ((1, "pre_save", None), (2, "post_save", True)):
            told = {"signal": signal, "position": position, "created": created, "object_repr": name, **fields}
            value = event_value(trace_id=trace, **told)
            rows.append(SignalEvent(**{**value._asdict(), "trace_id": trace}))
    SignalEvent.objects.bulk_create(rows)


def insert_event(writer: psycopg.Connection) -> int:
    """Insert an event in the open transaction of a connection, and return its id."""
    fields = event_value()._asdict()
    for name in ("update_fields", "origin", "changes", "overwrote", "labels"):
        fields[name] = None if fields[name] is None else Json(fields[name])
    names = ", ".join(f'"{name}"' for name in fields)
    marks = ", ".join(["%s"] * len(fields))
    table = SignalEvent._meta.db_table
    statement = f'INSERT INTO "{table}" ({names}) VALUES ({marks}) RETURNING id'  # noqa: S608  our own names
    row = writer.execute(statement, list(fields.values()))
    return row.fetchone()[0]  # type: ignore[index]
