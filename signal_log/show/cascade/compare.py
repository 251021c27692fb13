"""Compares two cascades, or two groups of them: which operations, receivers, queries and times differ.

No edit distance between trees: equal siblings are folded into one node with a count and a time, and the children of
two nodes are joined by key. A key has no line numbers, ids and values, so the same work has the same key in every run.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from signal_log.show.cascade.lines import DEEPEST_INDENT
from signal_log.show.cascade.nested import Nested, flat
from signal_log.show.cascade.operation import Cascade, Operation
from signal_log.show.cascade.phrase import mark, phrase
from signal_log.show.words.text import duration, one_line

FEWEST_RUNS: Final = 3
"""A difference in time counts from so many runs a side; one in number always."""
LEAST_PART: Final = 0.2
LEAST_US: Final = 5_000

Key = tuple[str, str]
"""``("operation", "updated shop.Item")`` or ``("receiver", "shop.signals.sync_stock")``."""


@dataclass(slots=True)
class Node:
    """Equal siblings of one cascade, or their median over several; ``children`` are in the order of their first."""

    key: Key = ("", "")
    count: float = 0
    took_us: float = 0
    queries: float = 0
    runs: int = 1
    children: dict[Key, Node] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Difference:
    """One node of two trees; a side is None where it does not exist."""

    key: Key
    before: Node | None
    after: Node | None
    moved: bool = False
    """Whether it has another place among its siblings than before."""
    children: list[Difference] = field(default_factory=list, repr=False)
    differs: bool = False
    """Whether it, or anything below it, is not the same."""

    @property
    def change(self) -> str:
        """``added``, ``removed``, ``changed`` or ``same``, of this node alone."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        counts = self.before.count != self.after.count or self.before.queries != self.after.queries
        return "changed" if counts or self.moved or self.is_slower_or_faster else "same"

    @property
    def is_slower_or_faster(self) -> bool:
        """Whether the time differs by more than chance: 20 % and 5 ms, each the median of three runs or more."""
        before, after = self.before, self.after
        if before is None or after is None or min(before.runs, after.runs) < FEWEST_RUNS:
            return False
        apart = abs(after.took_us - before.took_us)
        return apart >= LEAST_US and apart >= LEAST_PART * max(before.took_us, 1)


def folded(cascade: Cascade) -> Node:
    """The root of a cascade's tree: its operations, their receivers, what these caused, and so on."""
    root = Node()
    outermost = [*cascade.roots, *(one for orphans in cascade.orphans.values() for one in orphans)]
    root.took_us = sum(operation.took_us for operation in outermost)
    pending = [(root, operation) for operation in reversed(outermost)]
    while pending:
        pending += reversed(_added(*pending.pop()))
    return root


def typical(nodes: Sequence[Node]) -> Node:
    """The median of several runs of the same work; what a run does not have counts as 0 there."""
    if len(nodes) == 1:
        return nodes[0]
    found = Node(nodes[0].key)
    pending = [(found, nodes)]
    while pending:
        one, runs = pending.pop()
        one.count = median(node.count for node in runs)
        one.took_us = median(node.took_us for node in runs)
        one.queries = median(node.queries for node in runs)
        one.runs = len(runs)
        keys = dict.fromkeys(key for node in runs for key in node.children)
        pending += [(_child(one, key), [node.children.get(key) or Node(key) for node in runs]) for key in keys]
    return found


def compare(before: Node, after: Node) -> Difference:
    """The two trees as one, in the order of ``after``, with what is gone where it was."""
    whole = Difference(before.key, before, after)
    found = [whole]
    for one in found:  # which grows meanwhile
        one.children = list(_joined(one))
        found += one.children
    for one in reversed(found):
        one.differs = one.change != "same" or any(child.differs for child in one.children)
    return whole


def have_anything_in_common(difference: Difference) -> bool:
    """Whether any outermost operation is on both sides."""
    return any(child.before is not None and child.after is not None for child in difference.children)


def lines(difference: Difference) -> Iterator[str]:
    """As text, equal parts left out and counted: ``~ created shop.Order   400 → 430 ms``."""
    return flat(_lines(difference, 0))


def _lines(difference: Difference, level: int) -> Nested[str]:
    same = 0
    indent = "  " * min(level, DEEPEST_INDENT) + (f"{level} " if level > DEEPEST_INDENT else "")
    for child in difference.children:
        if not child.differs:
            same += 1
            continue
        sign = {"added": "+", "removed": "-"}.get(child.change, "~" if child.change == "changed" else " ")
        words = [f"{indent}{one_line(child.key[1], 120)}", _counts(child), _times(child), _queries(child)]
        yield "   ".join(filter(None, (f"{sign} {words[0]}", *words[1:], "(moved)" if child.moved else "")))
        yield _lines(child, level + 1)
    if same:
        yield f"  {indent}… {same} the same"


def _added(parent: Node, operation: Operation) -> list[tuple[Node, Operation]]:
    """Count an operation and its receivers; what these caused is still to be, below them."""
    marked = mark(operation)
    words = f"{phrase(operation)} [{marked}]" if marked else phrase(operation)
    node = _child(parent, ("operation", words))
    node.count += 1
    node.took_us += operation.took_us
    below = []
    for cause in operation.causes():
        receiver = _child(node, ("receiver", cause.receiver))
        receiver.count += 1
        if cause.run is not None:
            receiver.took_us += cause.run.total_us
            receiver.queries += cause.run.queries
        below += [(receiver, caused) for caused in cause.operations]
    return below


def _child(parent: Node, key: Key) -> Node:
    return parent.children.setdefault(key, Node(key))


def _joined(one: Difference) -> Iterator[Difference]:
    """The children of both sides."""
    ours = one.before.children if one.before is not None else {}
    theirs = one.after.children if one.after is not None else {}
    was = [key for key in ours if key in theirs]
    at = {key: number for number, key in enumerate(was)}
    stayed = _longest_rising([at[key] for key in theirs if key in at])
    order = list(theirs)
    for number, gone in enumerate(ours):
        if gone not in theirs:
            order.insert(min(number, len(order)), gone)
    for key in order:
        yield Difference(key, ours.get(key), theirs.get(key), moved=key in at and at[key] not in stayed)


def _longest_rising(numbers: Sequence[int]) -> set[int]:
    """The members of a longest rising subsequence: siblings that kept their order; the others have moved."""
    ends: list[int] = []  # of the rising chains of each length, the lowest last member
    before: dict[int, int | None] = {}
    for number in numbers:
        length = bisect_left(ends, number)
        before[number] = ends[length - 1] if length else None
        ends[length : length + 1] = [number]
    found: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        found.add(last)
        last = before[last]
    return found


def _counts(one: Difference) -> str:
    before, after = (side.count if side is not None else 0 for side in (one.before, one.after))
    if before == after:
        return f"× {before:g}" if before > 1 else ""
    return f"× {before:g} → × {after:g}"


def _times(one: Difference) -> str:
    before, after = (side.took_us if side is not None else 0 for side in (one.before, one.after))
    if not before and not after:
        return ""
    a, b = duration(round(before)), duration(round(after))
    number, _, unit = a.partition(" ")
    return f"{number} → {b}" if b.endswith(f" {unit}") else f"{a} → {b}"


def _queries(one: Difference) -> str:
    before, after = (side.queries if side is not None else 0 for side in (one.before, one.after))
    return f"{before:g} → {after:g} quer{'y' if after == 1 else 'ies'}" if before != after else ""
