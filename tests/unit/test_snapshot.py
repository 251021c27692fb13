"""Values of any object become storable, comparable and free of secrets."""

import datetime as dt
import math
import uuid
from decimal import Decimal
from enum import Enum

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from signal_log.capture.model.snapshot import (
    clean,
    clean_truncated,
    is_secret_name,
    json_safe,
    mask_secrets,
    truncated_with_digest,
    values_equal,
)
from signal_log.conf import SECRET_NAMES
from signal_log.event import MASK

ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.decimals()
    | st.datetimes()
    | st.uuids(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner) | st.tuples(inner),
    max_leaves=15,
)


@given(ANY)
def test_result_is_canonical_json(value):
    """Any value becomes canonical JSON: RFC 8785 accepts it, and it survives a round trip unchanged."""
    result = json_safe(value, 4096, SECRET_NAMES)
    assert orjson.loads(rfc8785.dumps(result)) == result


class Colour(Enum):
    RED = "red"


class Hostile:
    def __str__(self):
        raise RuntimeError

    def __eq__(self, other):
        raise RuntimeError

    __hash__ = None


CYCLE: list = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**53 - 1, 2**53 - 1),
        (2**53, str(2**53)),
        (-(2**53), str(-(2**53))),
        (0.5, "0.5"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (Decimal("1.50"), "1.50"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC), "2026-01-02T03:04:05.000006+00:00"),
        (dt.timedelta(hours=1), "1:00:00"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (b"\x00\xff", "0x00ff"),
        (Colour.RED, "red"),
        ({"b", "a"}, ["a", "b"]),
        ((1, 2), [1, 2]),
        ({1: {"x": 0.1}}, {"1": {"x": "0.1"}}),
        ("nul\x00", "nul␀"),
        (Hostile(), "(unprintable Hostile)"),
        ([Hostile()], ["(unprintable Hostile)"]),
    ],
)
def test_each_kind(value, expected):
    """Each kind of value is written as specified."""
    assert json_safe(value, 4096, SECRET_NAMES) == expected


def test_a_structure_without_end():
    """A list that contains itself is cut at a fixed depth and does not crash the process."""
    assert orjson.dumps(json_safe(CYCLE, 4096, SECRET_NAMES))


def test_long_values_keep_length_and_hash():
    """A value longer than the limit keeps its beginning, its length and the SHA-256 of the whole."""
    text = json_safe("é" * 5000, 100, SECRET_NAMES)
    assert text.startswith("é" * 100 + "… (5000 characters, SHA-256 ")
    assert truncated_with_digest("short", 100) == "short"
    assert clean_truncated("x" * 10, 5) == "xxxx…"


@given(st.text(st.characters()))
def test_clean_text_encodes(text):
    """Cleaned text is valid UTF-8 without NUL."""
    assert b"\x00" not in clean(text).encode()


@pytest.mark.parametrize(
    "name",
    ["password", "old_password", "passwordHash", "api_key", "apiKey", "APIKey", "key", "session_key", "resetToken",
     "client_secret", "TOKEN", "private_key", "otp", "Authorization"],
)  # fmt: skip
def test_secret_names(name):
    """Field names whose words mean a secret are recognised in any spelling."""
    assert is_secret_name(name, SECRET_NAMES)


@pytest.mark.parametrize(
    "name", ["keyboard", "monkey", "tokenizer", "secretary", "passport", "pinned", "username", "body"]
)
def test_other_names(name):
    """A name that merely contains the letters of such a word is not a secret."""
    assert not is_secret_name(name, SECRET_NAMES)


def test_secrets_inside_json():
    """Secret keys inside a JSON value are masked like fields, whole."""
    value = {"user": {"password": "geheim", "apiKey": ["a", "b"], "colour": "red", "token": None}}
    assert json_safe(value, 4096, SECRET_NAMES) == {
        "user": {"password": MASK, "apiKey": MASK, "colour": "red", "token": None}
    }


def test_mask_secrets_masks_the_whole_text():
    """A text that contains a secret is masked whole; short secrets are too common to search for."""
    assert mask_secrets("the token is abcd1234", ["abcd1234"]) == MASK
    assert mask_secrets("a text", ["a", None, ""]) == "a text"


def test_values_equal_never_raises():
    """Objects that cannot be compared count as different."""
    assert not values_equal(Hostile(), 1)
    assert values_equal(CYCLE, CYCLE)
