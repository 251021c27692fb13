"""A value of the log in a few words, as the live page has it (``events/short.js``)."""

from __future__ import annotations

import re
from typing import Any, Final

from signal_log.show.words.text import one_line, plain

LONGEST_VALUE: Final = 48

_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)?", re.ASCII)
_PRECISIONS: Final = (0, 4, 7)
"""Characters after the seconds: none, those of milliseconds, those of microseconds."""


def is_unknown(value: Any) -> bool:
    """Whether this stands for a value that nobody knows."""
    return isinstance(value, dict) and len(value) == 1 and value.get("unknown") is True


def short(value: Any, most: int = LONGEST_VALUE) -> str:
    """The value on one line, of at most this many characters."""
    if value == "":
        return "empty"
    if is_unknown(value):
        return "unknown"
    moment = _moment(value)
    return one_line(f"{moment[1]} {moment[2]}" if moment else plain(value), most)


def short_pair(old: Any, new: Any) -> tuple[str, str]:
    """Both sides; for two times on the same day, without the date, to the second or as exactly as they differ."""
    a, b = _moment(old), _moment(new)
    if a is None or b is None or a[1] != b[1]:
        return short(old), short(new)
    for shown in _PRECISIONS:
        before, after = (at[2] + (at[3] or "")[:shown] for at in (a, b))
        if before != after:
            break
    return before, after


def _moment(value: Any) -> re.Match[str] | None:
    return _MOMENT.fullmatch(value) if isinstance(value, str) else None
