"""Whether two values of the log are surely two different values of a field, and not one that was written down twice.

A value may be told in another form: as a number or its text, cut at another length, in another zone, masked because of
a setting that came later. Only what no such thing explains is a difference.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

from signal_log.event import MASK

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_UUID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_CUT: Final = re.compile(r"… \(\d+ (characters|bytes), SHA-256 ([0-9a-f]{64})\)\Z", re.ASCII)
_HIDING: Final = re.compile(r"… \(longer, .*\)\Z")
_LONGEST_NUMBER: Final = 100
_PLAIN: Final = frozenset({str, int, bool})


def is_unknown(value: Any) -> bool:
    """Whether this stands for a value that nobody knows."""
    return isinstance(value, Mapping) and len(value) == 1 and value.get("unknown") is True


def surely_differ(known: Any, found: Any) -> bool:
    """Whether the row cannot have held both at once; what is masked or unknown may be any but null."""
    if known is found or (type(known) in _PLAIN and known == found and type(known) is type(found)):
        return False
    if is_unknown(known) or is_unknown(found):
        return False
    if known is None or found is None:
        return known is not found
    if isinstance(known, str) and isinstance(found, str):
        return known != found and not _same_text(known, found)
    if isinstance(known, Mapping) and isinstance(found, Mapping):
        if hides(known) or hides(found):
            return False
        return known.keys() != found.keys() or any(surely_differ(value, found[key]) for key, value in known.items())
    if isinstance(known, list) and isinstance(found, list):
        return len(known) != len(found) or any(map(surely_differ, known, found))
    if hides(known) or hides(found):
        return False
    if isinstance(known, (Mapping, list)) or isinstance(found, (Mapping, list)):
        return not _same_when_cut(known, found)
    numbers = _number(known), _number(found)
    return None in numbers or numbers[0] != numbers[1]


def hides(value: Any) -> bool:
    """Whether something of the value is masked."""
    if isinstance(value, str):
        return MASK in value or _HIDING.search(value) is not None
    if isinstance(value, Mapping):
        return any(map(hides, value.values())) or any(map(hides, value))
    return isinstance(value, list) and any(map(hides, value))


def _same_text(known: str, found: str) -> bool:
    if hides(known) or hides(found):
        return True
    if "(unprintable " in known or "(unprintable " in found:
        return True
    if _CUT.search(known) or _CUT.search(found):
        return _same_when_cut(known, found)
    numbers = _number(known), _number(found)
    if None not in numbers:
        return numbers[0] == numbers[1]
    if _UUID.fullmatch(known) and _UUID.fullmatch(found):
        return known.replace("-", "").lower() == found.replace("-", "").lower()
    return _same_moment(known, found)


def _same_when_cut(known: Any, found: Any) -> bool:
    """Whether one is what another limit makes of the other: their hashes of the whole say."""
    hashes = _hashes(known) & _hashes(found)
    return bool(hashes)


def _hashes(value: Any) -> set[str]:
    if not isinstance(value, str):
        return {_sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))}
    cut = _CUT.search(value)
    if cut:
        return {cut[2]}
    found = {_sha256(value.encode("utf-8", "surrogatepass"))}
    if value.startswith("0x"):
        with suppress(ValueError):
            found.add(_sha256(bytes.fromhex(value[2:])))
    return found


def _sha256(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


def _number(value: Any) -> Decimal | None:
    if isinstance(value, int):  # true is stored as 1
        return Decimal(int(value))
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value):
        try:
            return Decimal(value)
        except InvalidOperation:
            return None
    return None


def _same_moment(known: str, found: str) -> bool:
    for read in (datetime.fromisoformat, time.fromisoformat):
        try:
            a, b = read(known), read(found)
        except ValueError:
            continue
        if (a.tzinfo is None) != (b.tzinfo is None):
            return True  # nobody knows in which zone the other was meant
        if isinstance(a, datetime) and isinstance(b, datetime) and a.tzinfo is not None:
            try:
                return a.astimezone(UTC) == b.astimezone(UTC)
            except OverflowError:
                return False
        return a == b
    return False
