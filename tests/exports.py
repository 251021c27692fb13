"""Reads the history's exports and creates a log to export."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from django.core.management.color import no_style
from django.db import connection
from django.test import Client

from signal_log.models import SignalEvent
from tests.factories import event_value, make_event

ADDRESS = "/events/"
TRACE = uuid.UUID("11111111-2222-3333-4444-555555555555")


def fetch(client: Client, kind: str = "jsonl", **query: Any) -> bytes:
    """Return the whole file."""
    answer = client.get(ADDRESS, {"format": kind, **query})
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def parts(text: bytes) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """Return header, events and end of a JSON Lines file, after checking its hash."""
    lines = [json.loads(line) for line in text.split(b"\n")[:-1]]
    begin, end = lines[0].pop("export"), lines[-1].pop("end")
    events = [line for line in lines if line]
    assert end["sha256"] == hashlib.sha256(text[:-68]).hexdigest()
    assert end["events"] == len(events)
    return begin, events, end


def ids(client: Client, **query: Any) -> list[int]:
    """Return the ids in an export."""
    return [event["id"] for event in parts(fetch(client, **query))[1]]


def add(number: int, **fields: Any) -> list[int]:
    """Create this many events at once."""
    made = SignalEvent.objects.bulk_create(SignalEvent(**event_value(**fields)._asdict()) for _ in range(number))
    return [event.pk for event in made]


def varied_log() -> list[int]:
    """Create events that differ in everything that can be filtered by, with gaps in their ids, and return the ids."""
    first = make_event(object_pk="1", object_repr="ada", actor_pk="7", actor_repr="grace").pk
    make_event(object_pk="2", object_repr="Grace", actor_pk="8", actor_repr="ada", signal="pre_save", source="shell")
    make_event(sender="users.Profile", object_repr="ada's", outcome="rolled_back", error="KeyError: 9%")
    make_event(trace_id=TRACE, changes={"bio": [None, "Compiler ÄÖ"]}, occurred_at=datetime(2020, 1, 1, tzinfo=UTC))
    make_event(object_repr="100% <b>\u2028", changes={"tags": [["x"], ["x", {"colour": 'Says "hi"'}]]})
    last = SignalEvent.objects.order_by("-pk")[0].pk
    SignalEvent.objects.bulk_create(
        SignalEvent(pk=last + n, **event_value(object_repr="late")._asdict()) for n in (3, 4, 9)
    )
    with connection.cursor() as cursor:  # or what is recorded next would get one of these ids
        for sql in connection.ops.sequence_reset_sql(no_style(), [SignalEvent]):
            cursor.execute(sql)
    return list(SignalEvent.objects.filter(pk__gte=first).order_by("pk").values_list("pk", flat=True))
