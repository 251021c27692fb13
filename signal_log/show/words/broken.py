"""What was written past the recorder, in words: where a row's story is broken, and between which events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from signal_log.audit.breaks.continuity import Break
from signal_log.show.words.diff import Side, side
from signal_log.show.words.text import visible

MOST_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Broken:
    """One break, for a page: the newest first."""

    name: str
    known: Side
    found: Side
    before: int
    after: int
    is_of_row: bool


def described(breaks: Iterable[Break]) -> list[Broken]:
    """The breaks of one row, newest first, at most ``MOST_SHOWN``."""
    newest = sorted(breaks, key=lambda found: (-found.after, found.field))[:MOST_SHOWN]
    return [
        Broken(visible(each.field), side(each.known), side(each.found), each.before, each.after, each.is_of_row)
        for each in newest
    ]


def sentence(found: Break) -> str:
    """One line, for a terminal."""
    if found.is_of_row:
        story = f"the row was {found.known} after event {found.before}, and {found.found} before event {found.after}"
    else:
        known, there = side(found.known).text, side(found.found).text
        story = f"{found.field} was {known} after event {found.before}, and event {found.after} found {there}"
    return visible(f"{found.label} {found.pk}: {story}")
