"""The canonical bytes and the digest agree with RFC 8785 and never differ from the golden vectors."""

import hashlib
import json
from datetime import UTC, datetime

import pytest
import rfc8785
from django.db.backends.postgresql.base import DatabaseWrapper
from hypothesis import example, given
from hypothesis import strategies as st

from signal_log.event import HEADER_FIELDS, PAYLOAD_FIELDS, SUBJECT_FIELDS, Event
from signal_log.seal.canonical import LARGEST_INTEGER, canonical, digest, event_digest, parts, timestamp
from signal_log.store.row import COLUMNS, rows_of
from tests.vectors.event_digests import ASTRAL, FILE, RANDOM, events

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)
EARLY, LATE = datetime(1, 1, 3), datetime(9999, 12, 29)  # noqa: DTZ001  Hypothesis adds the zones
SEALED = {"header": HEADER_FIELDS, "subject": SUBJECT_FIELDS, "payload": PAYLOAD_FIELDS}
NAMING = {
    "object_pk", "object_repr", "actor_pk", "actor_repr", "origin", "request_id", "changes", "labels", "error", "path",
    "remote_addr", "call_site",
}  # fmt: skip
VECTORS = json.loads(FILE.read_text())


@given(VALUES)
@example({"\ue000": 1, "\U00010000": 2})  # RFC 8785 sorts by UTF-16 code unit: the second key comes first
@example({'\x7f\x00\x1f"\\/\u2028': '\x7f\x00\x1f"\\/\u2028'})
def test_same_bytes_as_rfc8785(value):
    """The fast encoder and the reference implementation agree on the whole restricted domain."""
    assert canonical(value) == rfc8785.dumps(value)


@given(st.datetimes(EARLY, LATE, timezones=st.timezones()))
@example(datetime(2026, 11, 22, tzinfo=UTC))
@example(datetime(1, 2, 3, 4, 5, 6, 7, tzinfo=UTC))
def test_a_moment_has_six_decimals_and_is_in_utc(moment):
    """Whole seconds, early years and other zones are written alike."""
    assert timestamp(moment) == moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def test_every_field_is_in_one_part():
    """Each field of an event is in exactly one part of the digest, except for what is about the row itself."""
    unsealed = {"salt", "digest"}
    assert sorted(HEADER_FIELDS + SUBJECT_FIELDS + PAYLOAD_FIELDS) == sorted(set(Event._fields) - unsealed)


def test_no_field_of_the_header_can_name_a_person():
    """The header stays for ever: what may hold a key, a name or free text is in a part that can be erased."""
    assert not NAMING & set(HEADER_FIELDS)
    assert set(SUBJECT_FIELDS) | set(PAYLOAD_FIELDS) == NAMING


def test_the_vectors_are_those_that_are_written():
    """The file has every event that `python -m tests.vectors.event_digests` writes."""
    assert [(vector["event"], vector["salt"]) for vector in VECTORS] == [(e, salt.hex()) for e, salt in events()]
    assert len(VECTORS) == 3 + RANDOM


@pytest.mark.parametrize("vector", VECTORS)
def test_golden_vectors(vector):
    """The bytes and digests of format version 2 never change."""
    event, salt = vector["event"], bytes.fromhex(vector["salt"])
    assert {name: part.decode() for name, part in parts(event)._asdict().items()} == {
        name: vector[name] for name in SEALED
    }
    assert digest(*parts(event), salt).hex() == event_digest(event, salt).hex() == vector["digest"]


@pytest.mark.parametrize("vector", VECTORS)
def test_a_stranger_can_verify(vector):
    """The documented formula, with hashlib and another's RFC 8785 library, gives the same digest."""
    event, salt = vector["event"], bytes.fromhex(vector["salt"])
    header, subject, payload = (rfc8785.dumps({name: event[name] for name in names}) for names in SEALED.values())
    hashes = hashlib.sha256(salt[:16] + subject).digest() + hashlib.sha256(salt[16:] + payload).digest()
    assert hashlib.sha256(b"signal_log/event/2\n" + header + b"\n" + hashes).hexdigest() == vector["digest"]


def test_the_store_writes_the_same_digests():
    """The rows that are stored, built in one pass and reusing what events share, have the vectors' digests."""
    sealed = [
        Event(
            **{
                **vector["event"],
                "occurred_at": datetime.fromisoformat(vector["event"]["occurred_at"]),
            },
            salt=bytes.fromhex(vector["salt"]),
        )
        for vector in VECTORS
    ]
    connection = DatabaseWrapper({}, "default")
    rows = rows_of([event for event in sealed for _ in range(2)], connection)
    assert [row[COLUMNS.index("digest")].hex() for row in rows] == [v["digest"] for v in VECTORS for _ in range(2)]
    assert [json.loads(row[COLUMNS.index("changes")] or "null") for row in rows[::2]] == [
        v["event"]["changes"] for v in VECTORS
    ]


def test_astral_keys_are_among_the_vectors():
    """Some vector has keys that sort differently by code point and by UTF-16 code unit, in every nested column."""
    keys = list(json.loads(rfc8785.dumps(ASTRAL)))
    assert keys != sorted(keys)
    assert any(
        set(ASTRAL) <= set(vector["event"]["changes"]) & set(vector["event"]["labels"]) & set(vector["event"]["origin"])
        for vector in VECTORS[:3]
        if vector["event"]["labels"] and vector["event"]["origin"]
    )


@pytest.mark.parametrize("name", [name for names in SEALED.values() for name in names])
def test_every_field_counts(name):
    """Changing any field, in whichever part, changes the digest."""
    event, salt = events()[0]
    assert event_digest({**event, name: "tampered"}, salt) != event_digest(event, salt)


@pytest.mark.parametrize("at", [0, 15, 16, 31])
def test_every_salt_counts(at):
    """Changing either salt changes the digest."""
    event, salt = events()[0]
    assert event_digest(event, salt[:at] + b"\xff" + salt[at + 1 :]) != event_digest(event, salt)
