"""A value whose stored text was changed into another of the same meaning is no longer what was sealed."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from django.db import connection, transaction

from signal_log.models import SignalEvent
from signal_log.seal.canonical import parts
from signal_log.seal.verify.rows import row_of
from tests.sealed import sql, unguarded, write_events

pytestmark = pytest.mark.django_db

SQLITE = {
    "separator of the date": "occurred_at = substr(occurred_at, 1, 10) || '~' || substr(occurred_at, 12)",
    "the other separator": "occurred_at = substr(occurred_at, 1, 10) || 'T' || substr(occurred_at, 12)",
    "separator of the fraction": "occurred_at = substr(occurred_at, 1, 19) || ',' || substr(occurred_at, 21)",
    "offset": "occurred_at = occurred_at || '+00:00'",
    "trailing NUL of a time": "occurred_at = occurred_at || char(0)",
    "time as a blob": "occurred_at = CAST(occurred_at AS BLOB)",
    "time with another digit zero": "occurred_at = replace(occurred_at, '2', '\u0662')",
    "trace in capitals": "trace_id = upper(trace_id)",
    "trace with hyphens": "trace_id = substr(trace_id, 1, 8) || '-' || substr(trace_id, 9)",
    "trace as a blob": "trace_id = CAST(trace_id AS BLOB)",
    "true as 2": "created = 2",
    "false as 2": "raw = 2",
    "false as text": "raw = 'f'",
    "a key twice": """changes = '{"first_name":[1,2],' || substr(changes, 2)""",
    "blanks in JSON": "changes = ' ' || changes",
    "escaped JSON": r"""changes = replace(changes, 'Ada', '\u0041da')""",
    "JSON as a blob": "changes = CAST(changes AS BLOB)",
    "an empty list with a blank": "overwrote = '[ ]'",
    "text as a blob": "object_repr = CAST(object_repr AS BLOB)",
    "trailing NUL": "object_repr = object_repr || char(0)",
    "trailing NUL of what many share": "process = process || char(0)",
    "signal as a blob": "signal = CAST(signal AS BLOB)",
    "quotes in a time": """occurred_at = occurred_at || '","operation":1,"x":"'""",
    "fraction that is none": "occurred_at = substr(occurred_at, 1, 19) || '.000000'",
    "no UTF-8": "object_repr = CAST(x'ff' AS TEXT)",
    "no UTF-8, and a digest as text": "object_repr = CAST(x'ff' AS TEXT), digest = 'x'",
    "number as a blob": "position = CAST(position AS BLOB)",
    "number as a fraction": "position = 2.5",
    "salt as text": "salt = 'x'",
    "digest as text": "digest = 'x'",
    "digest cut": "digest = substr(digest, 1, 31)",
}
POSTGRESQL = {
    "before our era": "occurred_at = (to_char(occurred_at, 'YYYY-MM-DD HH24:MI:SS.US+00') || ' BC')::timestamptz",
    "no end of time": "occurred_at = 'infinity'",
    "number as a fraction": """changes = '{"first_name": [1.0, 1]}'""",
}
BOTH = {
    "null of JSON": "labels = 'null'",
    "null of JSON in the subject": "origin = 'null'",
    "empty text": "update_fields = '\"\"'",
    "trailing blank": "source = source || ' '",
}


@pytest.fixture
def number() -> int:
    """The event that is altered; its time has a fraction."""
    unguarded()
    return write_events(1, created=True, changes={"first_name": ["Ada", "\U0001f469 é"]})[0]


def test_another_text_of_the_same_meaning_is_found(number):
    """Whatever filters, Django and the recorder take it for."""
    own = SQLITE if connection.vendor == "sqlite" else POSTGRESQL
    passed = []
    for name, text in {**own, **BOTH}.items():
        with transaction.atomic():
            change = text.replace("{", "{{").replace("}", "}}")
            sql(f"UPDATE {{log}} SET {change} WHERE id = %s", number)  # noqa: S608
            row = row_of(number)
            if row is None or row.leaf == row.stored:
                passed.append(name)
            transaction.set_rollback(True)
    assert passed == []
    assert row_of(number).leaf == row_of(number).stored


def test_what_django_writes_is_as_good_as_what_the_recorder_writes(number):
    """A fixture of the log is loaded by Django, which writes JSON with blanks, escapes, and its keys in their order."""
    event = SignalEvent.objects.get(pk=number)
    event.pk += 1
    event.changes = {"first_name": event.changes["first_name"]}
    SignalEvent.objects.bulk_create([event])
    row = row_of(number + 1)
    assert row.leaf == row.stored


def test_kept_hash_of_a_part_that_is_there_has_to_be_its_own(number):
    """Of a row in which only the payload was masked, the subject still gives its hash."""
    event = SignalEvent.objects.get(pk=number)
    _, subject, payload = parts({field.attname: getattr(event, field.attname) for field in event._meta.concrete_fields})
    salt = bytes(event.salt)
    kept = sha256(salt[:16] + subject).digest() + sha256(salt[16:] + payload).digest()
    values: dict[str, Any] = {"object_repr": "x", "salt": salt[:16] + bytes(16), "redacted_at": event.occurred_at}
    SignalEvent.objects.filter(pk=number).update(**values, kept_hashes=kept)
    assert row_of(number).leaf == row_of(number).stored
    SignalEvent.objects.filter(pk=number).update(kept_hashes=bytes(32) + kept[32:])
    assert row_of(number).leaf is None
    SignalEvent.objects.filter(pk=number).update(kept_hashes=kept)
    if connection.vendor == "sqlite":
        sql("UPDATE {log} SET redacted_at = replace(redacted_at, ' ', '~') WHERE id = %s", number)
        assert row_of(number).leaf is None
        sql("UPDATE {log} SET redacted_at = replace(redacted_at, '~', ' ') WHERE id = %s", number)
        assert row_of(number).leaf == row_of(number).stored
        sql("UPDATE {log} SET changes = '{{\"first_name\":[1,2],' || substr(changes, 2) WHERE id = %s", number)
        assert row_of(number).leaf is None


def test_keys_beyond_the_first_plane(number):
    """RFC 8785 sorts by UTF-16, where a character of two units comes before U+FFFD."""
    more = write_events(1, changes={"\ufffd": ["a", "b"], "\U0001f469": [1, {"\ufffd": 1, "\U0001f469": 2}]})[0]
    assert row_of(more).leaf == row_of(more).stored != row_of(number).stored
