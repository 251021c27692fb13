"""Compares the tree that a test expects with the one that fired, and shows how they differ."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Final

from signal_log.amounts import counted
from signal_log.show.cascade.shape import INDENT, given_shape
from signal_log.testing.named import is_receiver, shown_receiver

AROUND: Final = 8
"""How many equal lines are shown beside a difference."""
MOST: Final = 100_000
"""Nobody fires more of one kind in a test; a tree that was typed may count anything."""
Steps = list[tuple[int, int]]
"""Pairs of an expected kind and a place that it takes, or leaves."""
_TIMES: Final = re.compile(r" × (\d+)$")
_TYPED: Final = ((re.compile(r" -> "), " → "), (re.compile(r" x (\d+)\s*$", re.MULTILINE), r" × \1"))
"""What a keyboard has instead."""


def given_lines(text: str) -> list[str]:
    """The lines of a tree that somebody typed."""
    for typed, meant in _TYPED:
        text = typed.sub(meant, text)
    return given_shape(text)


@dataclass(slots=True)
class Naming:
    """Names receivers as the expected tree does: dotted where that is, short elsewhere."""

    given: Sequence[str]

    @classmethod
    def of(cls, lines: Sequence[str]) -> Naming:
        """As in these lines; the longest names first, which say most."""
        return cls(sorted({name for line in lines if "." in (name := receiver_in(line))}, key=len, reverse=True))

    def __call__(self, path: str) -> str:
        """The name of one receiver."""
        return next((name for name in self.given if is_receiver(name, path)), "") or shown_receiver(path)


def receiver_in(line: str) -> str:
    """The receiver of a line; empty for a root."""
    return line.strip().partition(" → ")[0] if " → " in line else ""


@dataclass(slots=True)
class Node:
    """A line without its count, and what is below it."""

    text: str
    children: list[Node] = field(default_factory=list)

    def lines(self, level: int = 0) -> Iterator[str]:
        """As text again."""
        yield f"{INDENT * level}{self.text}"
        for child in self.children:
            yield from child.lines(level + 1)

    def all(self) -> Iterator[Node]:
        """This one and everything below it."""
        yield self
        for child in self.children:
            yield from child.all()


def number(lines: Sequence[str]) -> int:
    """How many operations the lines stand for, counted ones included."""
    total, times = 0, [1]
    for line in lines:
        level = (len(line) - len(line.lstrip())) // len(INDENT)
        found = _TIMES.search(line)
        times[level + 1 :] = [times[level] * (int(found[1]) if found else 1)]
        total += times[-1]
    return total


def nodes(lines: Sequence[str]) -> list[Node]:
    """The roots; a line that is counted is as many nodes."""
    found: list[Node] = []
    at = 0
    while at < len(lines):
        end = next((n for n in range(at + 1, len(lines)) if not lines[n].startswith(INDENT)), len(lines))
        times = _TIMES.search(lines[at])
        text = lines[at][: times.start()] if times else lines[at]
        below = nodes([line.removeprefix(INDENT) for line in lines[at + 1 : end]])
        found += [Node(text, below)] * (min(int(times[1]), MOST) if times else 1)
        at = end
    return found


def sorted_lines(lines: Sequence[str]) -> list[str]:
    """The same tree with all siblings in the order of the alphabet."""
    text = [line for root in _sorted(nodes(lines)) for line in root.lines()]
    return given_shape("\n".join(text))


def contains(fired: Sequence[str], expected: Sequence[str], *, ordered: bool) -> bool:
    """Whether the expected tree is among what fired: its roots anywhere, what is below them below the same."""
    places = [node for root in nodes(fired) for node in root.all()]
    return _within(places, nodes(expected), ordered=ordered)


def difference(expected: Sequence[str], fired: Sequence[str]) -> list[str]:
    """Both trees in one, with ``-`` and ``+`` before what only one has; long equal parts are left out."""
    shown: list[str] = []
    steps = SequenceMatcher(None, expected, fired, autojunk=False).get_opcodes()
    for tag, a, b, c, d in steps:
        if tag != "equal":
            shown += [f"  - {line}" for line in expected[a:b]]
            shown += [f"  + {line}" for line in fired[c:d]]
        elif b - a > 2 * AROUND:
            shown += [f"    {line}" for line in expected[a : a + AROUND]]
            shown += [f"    … {counted(b - a - 2 * AROUND, 'line')} the same"]
            shown += [f"    {line}" for line in expected[b - AROUND : b]]
        else:
            shown += [f"    {line}" for line in expected[a:b]]
    return shown


def unseen(expected: Sequence[str], fired: Sequence[str]) -> list[str]:
    """The expected lines, with ``-`` before those that fired nowhere."""
    there = {_TIMES.sub("", line.strip()) for line in fired}
    return [f"  {' ' if _TIMES.sub('', line.strip()) in there else '-'} {line}" for line in expected]


def missing(expected: Sequence[str], fired: Sequence[str]) -> list[str]:
    """The expected lines that did not fire."""
    steps = SequenceMatcher(None, expected, fired, autojunk=False).get_opcodes()
    return [line for tag, a, b, _, _ in steps if tag in ("delete", "replace") for line in expected[a:b]]


def _sorted(siblings: Sequence[Node]) -> list[Node]:
    arranged = [Node(node.text, _sorted(node.children)) for node in siblings]
    return sorted(arranged, key=lambda node: list(node.lines()))


def _within(fired: Sequence[Node], expected: Sequence[Node], *, ordered: bool) -> bool:
    if not ordered:
        return _assigned(fired, expected)
    rest = iter(fired)
    return all(any(_is(node, wanted, ordered=True) for node in rest) for wanted in expected)


def _is(node: Node, wanted: Node, *, ordered: bool) -> bool:
    return node.text == wanted.text and _within(node.children, wanted.children, ordered=ordered)


def _assigned(fired: Sequence[Node], expected: Sequence[Node]) -> bool:
    """Whether each expected node has a fired one of its own; equal ones are counted, so that thousands take no time.

    Those that are in the way of others make way along the shortest path (Edmonds and Karp's maximum flow).
    """
    there, wanted = _alike(fired), _alike(expected)
    fits = [[at for at, (other, _) in enumerate(there) if _is(other, node, ordered=False)] for node, _ in wanted]
    free = [count for _, count in there]
    given: Counter[tuple[int, int]] = Counter()
    for kind, (_, number) in enumerate(wanted):
        missing = number
        while missing:
            path = _way(kind, fits, free, given)
            if path is None:
                return False
            moved = min(missing, free[path[-1][1]], *(given[kind_at, at] for kind_at, at in path[1::2]))
            for at, step in enumerate(path):
                given[step] += -moved if at % 2 else moved
            free[path[-1][1]] -= moved
            missing -= moved
    return True


def _alike(siblings: Sequence[Node]) -> list[tuple[Node, int]]:
    """One of each kind of node, and how many there are."""
    found: dict[tuple[str, ...], tuple[Node, int]] = {}
    for node in siblings:
        key = tuple(node.lines())
        found[key] = node, found.get(key, (node, 0))[1] + 1
    return list(found.values())


def _way(start: int, fits: list[list[int]], free: list[int], given: Counter[tuple[int, int]]) -> Steps | None:
    """The shortest way to a free place: steps that take a place, and between them those that leave one."""
    ways: deque[tuple[int, Steps]] = deque([(start, [])])
    tried: set[int] = set()
    while ways:
        kind, path = ways.popleft()
        for at in fits[kind]:
            if at in tried:
                continue
            tried.add(at)
            if free[at]:
                return [*path, (kind, at)]
            ways += [
                (other, [*path, (kind, at), (other, at)]) for other, places in enumerate(fits)
                if other != kind and given[other, at] and len(places) > 1
            ]  # fmt: skip
    return None
