"""Compares what the lean recorder and ours write for the same saves: field by field, but for what is never the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

from django.db import connection, transaction

from signal_log.event import Event
from signal_log.seal.canonical import event_digest
from tests.benchmarks.difference import Row, first_difference
from tests.benchmarks.loggers import LOGGERS
from tests.benchmarks.models import Person

NEVER_THE_SAME = ("occurred_at", "salt", "digest")


def compare() -> None:
    """Save the same with both; raise ``RuntimeError`` with the first difference."""
    ours, lean = (list(written(name)) for name in ("signal_log", "lean"))
    difference = first_difference(ours, lean)
    if difference:
        raise RuntimeError(difference)


def written(name: str) -> Iterator[Row]:
    """Save with this logger, and return its rows without what is never the same."""
    log = LOGGERS[name].log
    assert log is not None
    newest = log._base_manager.order_by("pk").values_list("pk", flat=True).last() or 0
    moments = (datetime(2026, 11, 22, 9, 30, tzinfo=UTC) + timedelta(seconds=number) for number in count())
    with LOGGERS[name].on(), patch("django.utils.timezone.now", lambda: next(moments)):
        keys = list(saves())
    Person.objects.filter(pk__in=keys)._raw_delete("default")
    traces: list[Any] = []
    for event in log._base_manager.filter(pk__gt=newest).order_by("pk"):
        row = {field: getattr(event, field) for field in Event._fields}
        if bytes(row["digest"]) != event_digest(row, bytes(row["salt"])):
            raise RuntimeError(f"{name}: the digest of row {event.pk} is wrong.")
        if row["trace_id"] not in traces:
            traces.append(row["trace_id"])
        row["trace_id"] = traces.index(row["trace_id"])
        row["object_pk"] = row["object_pk"] and keys.index(int(row["object_pk"]))
        if "id" in row["changes"]:
            row["changes"]["id"] = [old_or_new and keys.index(old_or_new) for old_or_new in row["changes"]["id"]]
        yield {field: value for field, value in row.items() if field not in NEVER_THE_SAME}


def saves() -> Iterator[int]:
    """Create and update people in autocommit and in a block, also from a stale instance; return their keys."""
    for number, block in enumerate((transaction.atomic, None)):
        person = Person(username=f"grace{number}", email="grace@example.org", bio="'quoted' \\ and ünïcode 😀")
        again = []

        def change(person: Person = person, again: list[Person] = again) -> None:
            person.save()
            loaded = Person.objects.get(pk=person.pk)
            loaded.headline, loaded.visits = "Admiral", loaded.visits + 1
            loaded.save()
            loaded.is_active = False
            loaded.save(update_fields=["is_active"])
            behind_its_back(
                "UPDATE benchmarks_person SET visits = 7, name = 'Grace' WHERE username = ", person.username
            )
            loaded.location = "Arlington"
            loaded.save()
            again.append(loaded)

        in_block(block, change)
        yield person.pk
        again[0].save()  # changes nothing but the time


def in_block(block: Callable[[], Any] | None, work: Callable[[], None]) -> None:
    """Do the work in a block, or in autocommit."""
    if block is None:
        work()
        return
    with block():
        work()


def behind_its_back(statement: str, username: str) -> None:
    """Write without Django, as another program would."""
    connection.connection.execute(f"{statement}'{username}'")
