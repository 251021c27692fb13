"""Hostile text made readable: what cannot be seen, or would turn the reading direction, is shown by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

_DIRECTION: Final = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_INVISIBLE: Final = (0x00AD, 0x200B, 0x2028, 0x2029, 0x2060, 0xFEFF)
_NAMES: Final[Mapping[int, str]] = {
    code: f"[U+{code:04X}]"
    for code in (*range(0x20), *range(0x7F, 0xA0), *_DIRECTION, *_INVISIBLE)
    if code not in (0x09, 0x0A)
}


def visible(text: str) -> str:
    """The text with control, direction and invisible characters replaced by their names; lines stay."""
    return text.translate(_NAMES)


def one_line(text: str, most: int = 80) -> str:
    """The beginning of a text on one line, ``…`` at its end where something was left out."""
    shown = visible(text[: most + 1]).replace("\n", "⏎").replace("\t", " ")
    return shown if len(text) <= most else shown[:most] + "…"


def plain(value: Any, *, pretty: bool = False) -> str:
    """A JSON value as a person reads it: text bare, all else as JSON."""
    if isinstance(value, str):
        return value
    option = orjson.OPT_INDENT_2 if pretty else 0
    return orjson.dumps(value, option=option | orjson.OPT_SORT_KEYS).decode()


def duration(microseconds: int | float | None) -> str:
    """A duration with three digits at most: ``840 µs``, ``3.6 ms``, ``1.20 s``."""
    if microseconds is None:
        return "not finished"
    if microseconds < 1_000:
        return f"{microseconds:.0f} µs"
    if microseconds < 1_000_000:
        return f"{microseconds / 1_000:.{0 if microseconds >= 100_000 else 1}f} ms"
    return f"{microseconds / 1_000_000:.2f} s"
