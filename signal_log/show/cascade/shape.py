"""The shape of a cascade as lines of text: what tests assert, and what two cascades are compared by.

::

    updated users.Profile (name)
      sync_user → updated auth.User (first_name)
        reindex → created search.Entry × 3
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from signal_log.show.cascade import phrase
from signal_log.show.cascade.nested import Nested, flat
from signal_log.show.cascade.operation import Cascade, Operation, number_shapes
from signal_log.show.words.kinds import short_name
from signal_log.show.words.text import one_line

INDENT: Final = "  "
_TIMES: Final = re.compile(r" × (\d+)$")
_NAMES: Final = re.compile(r"\(([^()]*)\)")


def shape(cascade: Cascade, named: Callable[[str], str] = short_name) -> list[str]:
    """The lines; equal neighbours are one line, counted. ``named`` makes of a receiver's path what is shown of it."""
    number_shapes(cascade, phrase.line)
    rows = list(flat(_siblings(cascade.roots, "", 0, named)))
    for operations in cascade.orphans.values():
        rows += flat(_siblings(operations, "", 0, named))
    return _counted(rows)


def given_shape(text: str) -> list[str]:
    """The lines of a shape that somebody wrote: indentation evened out, fields by name, equal neighbours counted."""
    rows = [row.expandtabs() for row in text.splitlines() if row.strip()]
    levels: list[int] = []
    found: list[Row] = []
    for row in rows:
        indent = len(row) - len(row.lstrip())
        while levels and levels[-1] >= indent:
            levels.pop()
        bare = _NAMES.sub(_by_name, row.strip())
        times = _TIMES.search(bare)
        found.append(Row(len(levels), _TIMES.sub("", bare), int(times[1]) if times else 1))
        levels.append(indent)
    return _counted(found)


@dataclass(slots=True)
class Row:
    """A line, how often it stands for itself, and the lines right below it; ``kind`` is the same for equal ones."""

    level: int
    text: str
    times: int = 1
    below: list[Row] = field(default_factory=list)
    kind: int = 0


def _by_name(names: re.Match[str]) -> str:
    return f"({', '.join(sorted(name.strip() for name in names[1].split(',')))})"


def _siblings(operations: Sequence[Operation], receiver: str, level: int, named: Callable[[str], str]) -> Nested[Row]:
    for _, equal in groupby(operations, key=lambda operation: operation.shape):
        first, *others = equal
        name = f"{one_line(named(receiver), 100)} → " if receiver else ""
        yield Row(level, f"{name}{phrase.line(first)}", 1 + len(others))
        for cause in first.causes():
            yield _siblings(cause.operations, cause.receiver, level + 1, named)


def _counted(rows: Sequence[Row]) -> list[str]:
    """The lines, with equal neighbours merged from the innermost out, whichever call of a receiver they came from."""
    outermost = Row(-1, "")
    path = [outermost]
    for row in rows:
        del path[row.level + 1 :]
        path[-1].below.append(row)
        path.append(row)
    kinds: dict[tuple[str, tuple[tuple[int, int], ...]], int] = {}
    for row in (*reversed(rows), outermost):
        row.below = _merged(row.below)
        row.kind = kinds.setdefault((row.text, tuple((one.kind, one.times) for one in row.below)), len(kinds))
    return [
        f"{INDENT * row.level}{row.text}{f' × {row.times}' if row.times > 1 else ''}"
        for row in flat(_all_below(outermost))
    ]


def _merged(siblings: Iterable[Row]) -> list[Row]:
    found: list[Row] = []
    for row in siblings:
        if found and found[-1].kind == row.kind:
            found[-1].times += row.times
        else:
            found.append(row)
    return found


def _all_below(row: Row) -> Nested[Row]:
    for one in row.below:
        yield one
        yield _all_below(one)
