"""Converts values to safe JSON: restricted types, secrets masked, long values truncated.

The result is in the restricted domain of ``signal_log.seal.canonical``: no floats, integers below 2**53, text without
NUL or lone surrogates; anything else becomes text, and equal values become equal text. Nothing here raises, whatever
the host's objects do.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Container, Mapping, MutableSequence, Set
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, Final

import orjson

from signal_log.capture.model.long_value import Cut, cut_masked, digest_of, text_of_bytes, truncated_with_digest
from signal_log.capture.model.secret_names import secret_items
from signal_log.capture.model.secret_text import LONGEST, SHORTEST, hides_in_bytes, is_pair, without_secrets
from signal_log.event import MASK
from signal_log.interruption import let_interruption_pass
from signal_log.seal.canonical import LARGEST_INTEGER

MAX_DEPTH: Final = 20
PLAIN: Final = frozenset({NoneType, bool, int, float, str, bytes, date, datetime, time, timedelta, uuid.UUID})
"""Types whose values are immutable and whose ``==`` can be trusted."""
_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]{6,}(?=>)")
_LARGEST_EXPONENT: Final = 100
_REAL: Final = frozenset({datetime})  # in a set, where freezegun does not replace it


def clean(text: str) -> str:
    """Text that every database and JSON parser accepts: NUL becomes ␀, lone surrogates U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "␀")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text


def clean_truncated(text: str, limit: int) -> str:
    """Cleaned text of at most ``limit`` characters, ending in ``…`` if it was truncated."""
    return truncated(clean(text), limit)


def truncated(text: str, limit: int) -> str:
    """The same for text that is already clean."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def text_of(value: Any) -> str:
    """``str(value)`` without addresses in memory, or the class name if that raises."""
    try:
        text = clean(str(value))
        return _ADDRESS.sub("", text) if " at 0x" in text else text
    except BaseException as error:  # noqa: BLE001  a host's __str__ may raise anything
        let_interruption_pass(error)
        return f"(unprintable {type(value).__name__})"


def json_safe(value: Any, limit: int, names: Container[str]) -> Any:
    """The value in the restricted JSON domain, truncated to ``limit`` characters, with what is secret masked.

    That is what stands under one of ``names``, or looks like a secret; with no names nothing is masked.
    """
    kind = type(value)
    if kind is str:
        if names and len(value) >= SHORTEST:
            if len(value) > limit:
                return _long_text(value, limit, names)
            value = without_secrets(value, names)
        if len(value) <= limit and value.isascii() and "\x00" not in value:
            return value
        return truncated_with_digest(clean(value), limit)
    if kind is int:
        return value if -LARGEST_INTEGER <= value <= LARGEST_INTEGER else str(value)
    if kind is bool or value is None:
        return value
    if kind is datetime:
        return _moment(value)
    if kind is Cut:
        return _cut_by_the_database(value, names) if names else clean(str(value))
    try:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return MASK if names and hides_in_bytes(bytes(value), names) else text_of_bytes(value, limit)
        plain = _plain(value, names, MAX_DEPTH)
        if isinstance(plain, str):
            return truncated_with_digest(plain, limit)
        if isinstance(plain, (list, dict)):
            written = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode()
            return plain if len(written) <= limit else truncated_with_digest(written, limit)
    except BaseException as error:  # noqa: BLE001  a host's __iter__, __hash__ or keys may raise anything
        let_interruption_pass(error)
        return f"(unprintable {kind.__name__})"
    return plain


def _long_text(value: str, limit: int, names: Container[str]) -> str:
    """A text of which something may be cut; of a very long one only what the log keeps is searched for secrets."""
    kept = value if len(value) <= LONGEST else value[: 2 * limit]
    shown = without_secrets(kept, names)
    if shown == kept:
        return truncated_with_digest(clean(value), limit)
    if len(shown) <= limit and kept is value:
        return clean(shown)
    return cut_masked(clean(shown[:limit]), digest_of(value))


def _cut_by_the_database(value: Cut, names: Container[str]) -> str:
    if value.is_of_bytes and hides_in_bytes(bytes.fromhex(value.beginning[2:]), names):
        return MASK
    shown = without_secrets(value.beginning, names)
    return clean(str(value)) if shown == value.beginning else cut_masked(clean(shown), value.sha256)


def _plain(value: Any, names: Container[str], depth: int) -> Any:
    """The recursive part of ``json_safe``, without truncation."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _plain(value.value, names, depth)
    if isinstance(value, int):
        return int(value) if -LARGEST_INTEGER <= value <= LARGEST_INTEGER else str(int(value))
    if isinstance(value, str):
        return _text(clean(str(value)), names)
    if isinstance(value, float):
        shown = repr(float(value) + 0.0)  # -0.0 is 0.0
        # Within JSON, PostgreSQL writes all digits of a large number, and gives it back as an integer.
        return format(Decimal(shown), "f") if "e+" in shown and depth < MAX_DEPTH else shown
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"-{-value}" if value < timedelta(0) else str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return MASK if names and hides_in_bytes(bytes(value), names) else "0x" + bytes(value).hex()
    if depth == 0:
        return _text(text_of(value), names)
    if isinstance(value, Mapping):
        held = {_key(k): v for k, v in value.items()}
        secret = secret_items(held, names)
        return {_text(k, names): MASK if k in secret else _plain(v, names, depth - 1) for k, v in held.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        secret = secret_items(dict(zip(value._fields, value, strict=False)), names)
        return [
            MASK if name in secret else _plain(inner, names, depth - 1)
            for name, inner in zip(value._fields, value, strict=False)
        ]
    if isinstance(value, (tuple, MutableSequence)):
        if names and is_pair(value, names):
            return [_plain(value[0], names, depth - 1), MASK]
        return [_plain(v, names, depth - 1) for v in value]
    if isinstance(value, Set):
        return sorted((_plain(v, names, depth - 1) for v in value), key=str)
    if hasattr(value, "lower_inc") and hasattr(value, "upper_inc"):
        return _range(value, names, depth)
    return _text(text_of(value), names)


def _text(text: str, names: Container[str]) -> str:
    return without_secrets(text, names) if names else text


def _moment(value: datetime) -> str:
    """A time as text; an aware one in UTC, because the same instant is read back in the database's time zone."""
    if value.tzinfo is None or value.tzinfo is UTC:
        if type(value) in _REAL:
            return orjson.dumps(value).decode()[1:-1]  # as isoformat() has it, in a third of the time
        return value.isoformat()
    try:
        return value.astimezone(UTC).isoformat()
    except (OverflowError, ValueError):  # at the ends of the calendar
        return value.isoformat()


def _decimal(value: Decimal) -> str:
    """A decimal with its digits after the point, and without an exponent unless it would be very long."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or max(abs(value.adjusted()), -exponent) > _LARGEST_EXPONENT:  # NaN has none
        return str(value)
    return format(value.copy_abs() if value.is_zero() else value, "f")


def _key(key: Any) -> str:
    """A key of a mapping as JSON spells it."""
    if key is None or isinstance(key, bool):
        return orjson.dumps(key).decode()
    return text_of(key)


def _range(value: Any, names: Container[str], depth: int) -> str:
    """A range of PostgreSQL's as PostgreSQL writes it: ``[1,5)``, ``(,2026-01-02]``, ``empty``."""
    if getattr(value, "isempty", False):
        return "empty"
    ends = [getattr(value, side, None) for side in ("lower", "upper")]
    lower, upper = ("" if end is None else text_of(_plain(end, names, depth - 1)) for end in ends)
    return f"{'[' if value.lower_inc else '('}{lower},{upper}{']' if value.upper_inc else ')'}"


def values_equal(old: Any, new: Any) -> bool:
    """Whether two values are equal, and are stored alike; values whose comparison raises count as different."""
    if old is new:
        return True
    try:
        if isinstance(old, datetime) and isinstance(new, datetime):
            return _is_same_moment(old, new)
        return bool(old == new) and _alike(old, new)
    except BaseException as error:  # noqa: BLE001  a host's __eq__ may raise anything
        let_interruption_pass(error)
        return False


def _is_same_moment(old: datetime, new: datetime) -> bool:
    """Python compares two times of one zone by the clock, which shows an hour of each autumn twice; see ``fold``."""
    if old.tzinfo is None or new.tzinfo is None or old.tzinfo is new.tzinfo is UTC:
        return old == new
    try:
        return old.astimezone(UTC) == new.astimezone(UTC)
    except (OverflowError, ValueError):  # at the ends of the calendar
        return old == new


def _alike(old: Any, new: Any) -> bool:
    """Whether equal values are stored alike, too: in JSON, 1 is neither true nor 1.0."""
    if type(old) is dict:
        return all(_alike_inside(value, new[name]) for name, value in old.items())
    if type(old) is list:
        return all(map(_alike_inside, old, new))
    return True


def _alike_inside(old: Any, new: Any) -> bool:
    kinds = {type(old), type(new)}
    return _alike(old, new) if kinds.isdisjoint(_JSON_NUMBERS) else len(kinds) == 1


_JSON_NUMBERS: Final = frozenset({bool, int, float})
