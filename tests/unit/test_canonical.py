"""The canonical bytes and the digest agree with RFC 8785 and never differ from the golden vectors."""

import json
from pathlib import Path

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from signal_log.event import Event
from signal_log.seal.canonical import (
    HEADER_FIELDS,
    LARGEST_INTEGER,
    PAYLOAD_FIELDS,
    canonical,
    digest,
    event_digest,
    payload_hash,
)
from tests.vectors.event_digests import EVENTS, FILE

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
@example({"\ue000": 1, "\U00010000": 2})  # RFC 8785 sorts by UTF-16 code unit: the second key comes first
@example({'\x7f\x00\x1f"\\/\u2028': '\x7f\x00\x1f"\\/\u2028'})
def test_same_bytes_as_rfc8785(value):
    """The fast encoder and the reference implementation agree on the whole restricted domain."""
    assert canonical(value) == rfc8785.dumps(value)


def test_every_column_is_covered():
    """Every event column is in the header or, if it can identify a person, in the payload."""
    assert sorted(HEADER_FIELDS + PAYLOAD_FIELDS) == sorted(set(Event._fields) - {"salt", "digest"})


def test_golden_vectors():
    """The bytes and digests of format version 1 never change."""
    vectors = json.loads(Path(FILE).read_text())
    assert len(vectors) == len(EVENTS) >= 3
    for vector in vectors:
        event, salt = vector["event"], bytes.fromhex(vector["salt"])
        header = canonical({name: event[name] for name in HEADER_FIELDS})
        payload = canonical({name: event[name] for name in PAYLOAD_FIELDS})
        assert header.decode() == vector["header"]
        assert payload.decode() == vector["payload"]
        assert digest(header, payload_hash(salt, payload)).hex() == vector["digest"]
        assert event_digest(event, salt).hex() == vector["digest"]


@pytest.mark.parametrize("name", [*HEADER_FIELDS, *PAYLOAD_FIELDS])
def test_every_field_counts(name):
    """Changing any field, in the header or the payload, changes the digest."""
    event, salt = EVENTS[0]
    assert event_digest({**event, name: "tampered"}, salt) != event_digest(event, salt)


def test_salt_counts():
    """The same event with another salt has another digest, so an erased payload cannot be found by guessing."""
    event, salt = EVENTS[0]
    assert event_digest(event, salt[::-1]) != event_digest(event, salt)
