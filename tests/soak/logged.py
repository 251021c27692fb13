"""What servers have logged as errors, each kind once with how often: a place to look for faults that nobody judges."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

MOST: Final = 12
LONGEST: Final = 160
_LINE: Final = re.compile(r"^[-0-9]{10} [0-9:,]{12} (WARNING|ERROR|CRITICAL) (.*)$")
_RAISED: Final = re.compile(r"^(?:(?:[a-z_]\w*\.)+\w+|\w*(?:Error|Exception))(?:: |$)")
_NUMBERS: Final = re.compile(r"\d+")


def kinds(part: str, lines: Iterable[str]) -> Counter[str]:
    """Warnings, errors, and the last lines of tracebacks, without their numbers."""
    found: Counter[str] = Counter()
    for line in lines:
        match = _LINE.match(line)
        text = f"{match[1]} {match[2]}" if match else line if _RAISED.match(line) else ""
        if text:
            found[f"{part.rstrip('12')}: {_NUMBERS.sub('0', text)[:LONGEST]}"] += 1
    return found


def most(counted: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent ones."""
    return counted.most_common(MOST)
