"""A trace as plain text for an issue report: the conclusion, the findings with their fixes, and what happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from signal_log.amounts import counted
from signal_log.show.cascade.findings import Finding, conclusion
from signal_log.show.cascade.lines import SIGNS, as_text, told
from signal_log.show.cascade.operation import Cascade

MOST_BYTES: Final = 8_192
FOR_FINDINGS: Final = MOST_BYTES // 2
FOR_CUT: Final = 200
"""Is kept free for the line that says what was left out."""
LINES: Final = "more line of operations", "more lines of operations"


def report(head: Sequence[str], found: Sequence[Finding], cascade: Cascade) -> str:
    """At most 8 KB of UTF-8; what is cut is said. ``head`` has lines that say which trace it is."""
    concluded = conclusion(found)
    parts = [*head, *(["", concluded] if concluded else [])]
    findings = (f"\n! {one.text}\n  {one.fix}" for one in found)
    parts = _filled(parts, findings, len(found), FOR_FINDINGS, ("more finding", "more findings"))
    lines = told(cascade)
    texts = (f"  {SIGNS[line.kind]}  {as_text(line)}" for line in lines)
    return "\n".join(_filled([*parts, ""], texts, len(lines), MOST_BYTES, LINES)) + "\n"


def _filled(parts: Sequence[str], more: Iterable[str], number: int, most: int, what: tuple[str, str]) -> list[str]:
    """The parts with as many more as fit, and how many do not."""
    filled = list(parts)
    left = most - FOR_CUT - sum(len(part.encode()) + 1 for part in parts)
    for shown, text in enumerate(more):
        left -= len(text.encode("utf-8", "replace")) + 1
        if left < 0:
            left_out = counted(number - shown, *what)
            return [*filled, f"… {left_out}: the trace's page and ?format=json have all."]
        filled.append(text)
    return filled
