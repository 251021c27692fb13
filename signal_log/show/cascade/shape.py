"""The shape of a cascade as lines of text: what tests assert, and what two cascades are compared by.

::

    updated users.Profile (name)
      sync_user → updated auth.User (first_name)
        reindex → created search.Entry × 3
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    lines = list(flat(_siblings(cascade.roots, "", 0, named)))
    for operations in cascade.orphans.values():
        lines += flat(_siblings(operations, "", 0, named))
    return lines


def given_shape(text: str) -> list[str]:
    """The lines of a shape that somebody wrote: indentation evened out, fields by name, equal neighbours counted."""
    rows = [row.expandtabs() for row in text.splitlines() if row.strip()]
    levels: list[int] = []
    found: list[tuple[int, str]] = []
    for row in rows:
        indent = len(row) - len(row.lstrip())
        while levels and levels[-1] >= indent:
            levels.pop()
        found.append((len(levels), _NAMES.sub(_by_name, row.strip())))
        levels.append(indent)
    return list(flat(_counted(found)))


def _by_name(names: re.Match[str]) -> str:
    return f"({', '.join(sorted(name.strip() for name in names[1].split(',')))})"


def _siblings(operations: Sequence[Operation], receiver: str, level: int, named: Callable[[str], str]) -> Nested[str]:
    for _, equal in groupby(operations, key=lambda operation: operation.shape):
        alike = list(equal)
        name = f"{one_line(named(receiver), 100)} → " if receiver else ""
        times = f" × {len(alike)}" if len(alike) > 1 else ""
        yield f"{INDENT * level}{name}{phrase.line(alike[0])}{times}"
        for cause in alike[0].causes():
            yield _siblings(cause.operations, cause.receiver, level + 1, named)


def _counted(rows: Sequence[tuple[int, str]]) -> Nested[str]:
    """Merge equal neighbouring blocks, a line with all that is below it, as ``_siblings`` does."""
    for block, number in _merged(_blocks(rows)):
        (level, text), *below = block
        yield f"{INDENT * level}{text}{f' × {number}' if number > 1 else ''}"
        yield _counted(below)


def _blocks(rows: Sequence[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    block: list[tuple[int, str]] = []
    for level, text in rows:
        if block and level <= block[0][0]:
            yield block
            block = []
        block.append((level, text))
    if block:
        yield block


def _merged(blocks: Iterable[list[tuple[int, str]]]) -> Iterator[tuple[list[tuple[int, str]], int]]:
    last: list[tuple[int, str]] | None = None
    number = 0
    for block in blocks:
        found = _TIMES.search(block[0][1])
        times = int(found[1]) if found else 1
        bare = [(block[0][0], _TIMES.sub("", block[0][1])), *block[1:]]
        if bare == last:
            number += times
            continue
        if last is not None:
            yield last, number
        last, number = bare, times
    if last is not None:
        yield last, number
