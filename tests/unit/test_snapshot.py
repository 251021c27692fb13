"""Values of any object become storable, comparable and free of secrets."""

import collections
import datetime as dt
import hashlib
import ipaddress
import math
import uuid
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from zoneinfo import ZoneInfo

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from signal_log.capture.model.long_value import Cut, bytes_shown, cut_bytes, cut_text, truncated_with_digest
from signal_log.capture.model.secret_names import SecretNames
from signal_log.capture.model.snapshot import (
    clean,
    clean_truncated,
    json_safe,
    values_equal,
)
from signal_log.event import MASK

NAMES = SecretNames()

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
    result = json_safe(value, 4096, NAMES)
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
        (-0.0, "0.0"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1.5E+3"), "1500"),
        (Decimal("-0.00"), "0.00"),
        (Decimal("0E-10"), "0.0000000000"),
        (Decimal("NaN"), "NaN"),
        (Decimal("-Infinity"), "-Infinity"),
        (Decimal("12345678901234567890123456789.123456789"), "12345678901234567890123456789.123456789"),
        (Decimal("1E+1000000"), "1E+1000000"),
        (Decimal("1E-1000000"), "1E-1000000"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC), "2026-01-02T03:04:05.000006+00:00"),
        (dt.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),  # noqa: DTZ001  as without USE_TZ
        (dt.datetime(2026, 7, 2, 3, 4, tzinfo=ZoneInfo("Europe/Paris")), "2026-07-02T01:04:00+00:00"),
        (dt.datetime(2026, 7, 2, 3, 4, tzinfo=ZoneInfo("UTC")), "2026-07-02T03:04:00+00:00"),
        (dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))), "0001-01-01T00:00:00+01:00"),
        (dt.time(3, 4, 5, 6), "03:04:05.000006"),
        (dt.timedelta(hours=1), "1:00:00"),
        (dt.timedelta(days=1, microseconds=5), "1 day, 0:00:00.000005"),
        (dt.timedelta(seconds=-1), "-0:00:01"),
        (dt.timedelta(days=-2, hours=12), "-1 day, 12:00:00"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (b"\x00\xff", "0x00ff"),
        (bytearray(b"\x01"), "0x01"),
        (memoryview(b"\x01\x02"), "0x0102"),
        (memoryview(b"\x01\x02\x03\x04")[::2], "0x0103"),
        (b"", "0x"),
        (Range(1, 5), "[1,5)"),
        (Range(None, 5, "(]"), "(,5]"),
        (Range(None, None, "()"), "(,)"),
        (Range(empty=True), "empty"),
        (Range(dt.date(2026, 1, 2), None), "[2026-01-02,)"),
        (Range(dt.datetime(2026, 7, 2, tzinfo=ZoneInfo("Europe/Paris"))), "[2026-07-01T22:00:00+00:00,)"),
        (Range(Decimal("1.50"), Decimal("2.50"), "[]"), "[1.50,2.50]"),
        (Multirange([Range(1, 3), Range(5, 7)]), ["[1,3)", "[5,7)"]),
        (ipaddress.ip_address("10.0.0.1"), "10.0.0.1"),
        (ipaddress.ip_network("2001:db8::/32"), "2001:db8::/32"),
        ({"a": None, "b": "1"}, {"a": None, "b": "1"}),  # hstore
        ([[1, None], (2, "x")], [[1, None], [2, "x"]]),  # nested arrays
        (collections.deque([1, 2]), [1, 2]),
        ({True: 1, None: 2, 3: 4}, {"true": 1, "null": 2, "3": 4}),
        (object(), "<object object>"),
        (Fraction(1, 3), "1/3"),
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
    assert json_safe(value, 4096, NAMES) == expected


def test_a_structure_without_end():
    """A list that contains itself is cut at a fixed depth and does not crash the process."""
    assert orjson.dumps(json_safe(CYCLE, 4096, NAMES))


def test_long_values_keep_length_and_hash():
    """A value longer than the limit keeps its beginning, its length and the SHA-256 of the whole."""
    text = json_safe("é" * 5000, 100, NAMES)
    assert text.startswith("é" * 100 + "… (5000 characters, SHA-256 ")
    assert text.endswith(f"SHA-256 {hashlib.sha256(('é' * 5000).encode()).hexdigest()})")
    assert truncated_with_digest("short", 100) == "short"
    assert clean_truncated("x" * 10, 5) == "xxxx…"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_long_bytes_keep_their_number_and_hash(kind):
    """Bytes are counted and hashed as bytes, not as the hex in which they are shown, and cut between two of them."""
    held = bytes(range(256)) * 4
    sha = hashlib.sha256(held).hexdigest()
    assert json_safe(kind(held), 65, ()) == f"0x{held[:31].hex()}… (1024 bytes, SHA-256 {sha})"
    assert json_safe(kind(held), 2 + 2 * 1024, ()) == "0x" + held.hex()
    assert json_safe(kind(held), 1 + 2 * 1024, ()).endswith(f"… (1024 bytes, SHA-256 {sha})")


def test_a_value_the_database_cut_reads_the_same():
    """What is put together from a beginning, a length and a hash is what the whole value would have become."""
    held, text = bytes(1000), "é" * 1000
    shas = [hashlib.sha256(whole).hexdigest() for whole in (held, text.encode())]
    assert json_safe(held, 100, ()) == cut_bytes(held[: bytes_shown(100)], 1000, shas[0])
    assert json_safe(text, 100, ()) == cut_text(text[:100], 1000, shas[1])


@given(st.datetimes(timezones=st.timezones()))
def test_the_same_instant_reads_the_same(moment):
    """An instant that the database returns in another time zone has the same text."""
    try:
        elsewhere = moment.astimezone(ZoneInfo("Asia/Tokyo"))
    except OverflowError:
        return
    if elsewhere == moment:  # a time that a clock skips is equal to none
        assert json_safe(elsewhere, 4096, ()) == json_safe(moment, 4096, ())


@given(st.timedeltas())
def test_a_span_of_time_is_read_in_one_way(span):
    """Two spans of time have the same text only if they are the same; a negative one is its positive with a minus."""
    text = json_safe(span, 4096, ())
    assert text == (f"-{json_safe(-span, 4096, ())}" if span < dt.timedelta(0) else str(span))


@given(st.text(st.characters()))
def test_clean_text_encodes(text):
    """Cleaned text is valid UTF-8 without NUL."""
    assert b"\x00" not in clean(text).encode()


def test_secrets_inside_json():
    """Secret keys inside a JSON value are masked like fields, whole."""
    value = {"user": {"password": "geheim", "apiKey": ["a", "b"], "colour": "red", "token": None}}
    assert json_safe(value, 4096, NAMES) == {"user": {"password": MASK, "apiKey": MASK, "colour": "red", "token": None}}


def test_values_equal_never_raises():
    """Objects that cannot be compared count as different."""
    assert not values_equal(Hostile(), 1)
    assert values_equal(CYCLE, CYCLE)


Login = collections.namedtuple("Login", "user password")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Login("ada", "geheim"), ["ada", MASK]),
        (b'{"password": "geheim"}', MASK),
        (bytearray(b"a=1&token=geheim"), MASK),
        ([b"pin=geheim", b"plain"], [MASK, "0x706c61696e"]),
        (
            [(b"authorization", b"geheim"), (b"host", b"x")],
            [["0x" + b"authorization".hex(), MASK], ["0x686f7374", "0x78"]],
        ),
        ({"postgres://u:geheim@h/db": 1, "colour": 2}, {f"postgres://u:{MASK}@h/db": 1, "colour": 2}),
        ('{"postgres://u:geheim@h/db": 1}', f'{{"postgres://u:{MASK}@h/db":1}}'),
        ("é".encode() * 40_000 + b"token=geheim", None),
        (b"\xff\x00token=1", "0xff00746f6b656e3d31"),
    ],
)
def test_secrets_in_values_of_unusual_shape(value, shown):
    """A tuple with names, bytes that are text, headers as ASGI holds them, keys that are secrets themselves."""
    told = json_safe(value, 4096, NAMES)
    assert "geheim" not in str(told)
    assert b"geheim".hex() not in str(told)
    assert shown is None or told == shown


def test_bytes_that_the_database_cut():
    """They are text as well."""
    held = b"token=geheim&x=" + b"y" * 5000
    cut = Cut(cut_bytes(held[:100], len(held), hashlib.sha256(held).hexdigest()))
    assert json_safe(cut, 202, NAMES) == json_safe(held, 202, NAMES) == MASK
    plain = Cut(cut_bytes(bytes(100), 5000, "0" * 64))
    assert json_safe(plain, 202, NAMES) == plain
