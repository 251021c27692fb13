"""Hostile text made readable, said the same way by the live page (``lib/text.js``).

What cannot be seen, or would turn the reading direction, is shown by its number.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

import orjson

_CONTROL: Final = (*range(0x20), *range(0x7F, 0xA0))
_DIRECTION: Final = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x2070))
_INVISIBLE: Final = (0x00AD, 0x200B, 0x2028, 0x2029, *range(0x2060, 0x2066), 0xFEFF, *range(0xFFF9, 0xFFFC))
_LONE_SURROGATES: Final = range(0xD800, 0xE000)
_NAMES: Final[Mapping[int, str]] = {
    code: f"[U+{code:04X}]"
    for code in (*_CONTROL, *_DIRECTION, *_INVISIBLE, *_LONE_SURROGATES)
    if code not in (0x09, 0x0A)
}
_ESCAPED: Final[Mapping[int, str]] = {code: f"\\u{code:04x}" for code in _NAMES}

_DURATIONS: Final = (
    (999.5, 1, 0, "µs"),
    (99_950, 1_000, 1, "ms"),
    (999_500, 1_000, 0, "ms"),
    (9_995_000, 1_000_000, 2, "s"),
    (99_950_000, 1_000_000, 1, "s"),
    (math.inf, 1_000_000, 0, "s"),
)
"""Upper bound in microseconds: the unit's microseconds, decimals and name."""


def visible(text: str) -> str:
    """The text with control, direction and invisible characters replaced by their numbers; lines stay."""
    return text.translate(_NAMES)


def inert_json(text: str) -> str:
    """JSON with the same characters escaped, so that it is equal and a terminal obeys none of them."""
    return text if text.isascii() and "\x7f" not in text else text.translate(_ESCAPED)


def one_line(text: str, most: int = 80) -> str:
    """The text on one line, at most ``most`` characters, ending in ``…`` if it was truncated."""
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return visible(shown.replace("\r\n", "⏎").replace("\r", "⏎").replace("\n", "⏎").replace("\t", "⇥"))


def initials(name: str) -> str:
    """At most two capital letters for a person's round badge."""
    words = "".join(c if c.isalnum() else " " for c in name).split()
    letters = words[0][0] + words[1][0] if len(words) > 1 else "".join(words)[:2]
    return letters.upper() or "?"


def plain(value: Any, *, pretty: bool = False) -> str:
    """A JSON value in readable form: text without quotes, anything else as JSON with sorted keys."""
    if isinstance(value, str):
        return value
    try:
        option = orjson.OPT_INDENT_2 if pretty else 0
        return orjson.dumps(value, option=option | orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # a lone surrogate or an integer beyond 64 bits, in a row not written by the recorder
        layout: dict[str, Any] = {"indent": 2} if pretty else {"separators": (",", ":")}
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, **layout)
        return text.encode("utf-8", "backslashreplace").decode()


def duration(microseconds: int | float | None) -> str:
    """A duration with at most three digits up to 999 s: ``840 µs``, ``3.6 ms``, ``1.20 s``."""
    if microseconds is None:
        return "not finished"
    _, size, decimals, unit = next(step for step in _DURATIONS if microseconds < step[0])
    power = 10**decimals  # rounded here: formatting rounds a half to even, JavaScript's does not
    return f"{math.floor(microseconds / (size / power) + 0.5) / power:.{decimals}f} {unit}"
