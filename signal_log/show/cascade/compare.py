"""Compares two cascades, or two groups of them: which operations, receivers, queries and times differ.

No edit distance between trees: equal siblings are folded into one node with a count and a time, and the children of
two nodes are joined by key. A key has no line numbers, ids and values, so the same work has the same key in every run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

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
    children: dict[Key, Node] = field(default_factory=dict)


@dataclass(slots=True)
class Difference:
    """One node of two trees; a side is None where it does not exist."""

    key: Key
    before: Node | None
    after: Node | None
    moved: bool = False
    """Whether it has another place among its siblings than before."""
    children: list[Difference] = field(default_factory=list)

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

    @property
    def differs(self) -> bool:
        """Whether it, or anything below it, is not the same."""
        return self.change != "same" or any(child.differs for child in self.children)


def folded(cascade: Cascade) -> Node:
    """The root of a cascade's tree: its operations, their receivers, what these caused, and so on."""
    root = Node()
    outermost = [*cascade.roots, *(one for orphans in cascade.orphans.values() for one in orphans)]
    for operation in outermost:
        root.took_us += operation.took_us
        _add(root, operation)
    return root


def typical(nodes: Sequence[Node]) -> Node:
    """The median of several runs of the same work; what a run does not have counts as 0 there."""
    if len(nodes) == 1:
        return nodes[0]
    keys: dict[Key, None] = {}
    for node in nodes:
        keys.update(dict.fromkeys(node.children))
    found = Node(
        nodes[0].key, median(node.count for node in nodes), median(node.took_us for node in nodes),
        median(node.queries for node in nodes), len(nodes),
    )  # fmt: skip
    for key in keys:
        found.children[key] = typical([node.children.get(key) or Node(key) for node in nodes])
    return found


def compare(before: Node, after: Node) -> Difference:
    """The two trees as one, in the order of ``after``, with what is gone where it was."""
    return _joined(before.key, before, after, moved=False)


def have_anything_in_common(difference: Difference) -> bool:
    """Whether any outermost operation is on both sides."""
    return any(child.before is not None and child.after is not None for child in difference.children)


def lines(difference: Difference, level: int = 0) -> Iterator[str]:
    """As text, equal parts left out and counted: ``~ created shop.Order   400 → 430 ms``."""
    same = 0
    for child in difference.children:
        if not child.differs:
            same += 1
            continue
        sign = {"added": "+", "removed": "-"}.get(child.change, "~" if child.change == "changed" else " ")
        words = [f"{'  ' * level}{one_line(child.key[1], 120)}", _counts(child), _times(child), _queries(child)]
        yield "   ".join(filter(None, (f"{sign} {words[0]}", *words[1:], "(moved)" if child.moved else "")))
        yield from lines(child, level + 1)
    if same:
        yield f"  {'  ' * level}… {same} the same"


def _add(parent: Node, operation: Operation) -> None:
    marked = mark(operation)
    words = f"{phrase(operation)} [{marked}]" if marked else phrase(operation)
    node = _child(parent, ("operation", words))
    node.count += 1
    node.took_us += operation.took_us
    for cause in operation.causes():
        receiver = _child(node, ("receiver", cause.receiver))
        receiver.count += 1
        if cause.run is not None:
            receiver.took_us += cause.run.total_us
            receiver.queries += cause.run.queries
        for caused in cause.operations:
            _add(receiver, caused)


def _child(parent: Node, key: Key) -> Node:
    return parent.children.setdefault(key, Node(key))


def _joined(key: Key, before: Node | None, after: Node | None, *, moved: bool) -> Difference:
    found = Difference(key, before, after, moved)
    ours = before.children if before is not None else {}
    theirs = after.children if after is not None else {}
    was = [key for key in ours if key in theirs]
    at = {key: number for number, key in enumerate(was)}
    stayed = _longest_rising([at[key] for key in theirs if key in at])
    order = list(theirs)
    for number, gone in enumerate(ours):
        if gone not in theirs:
            order.insert(min(number, len(order)), gone)
    for child in order:
        is_moved = child in at and at[child] not in stayed
        found.children.append(_joined(child, ours.get(child), theirs.get(child), moved=is_moved))
    return found


def _longest_rising(numbers: Sequence[int]) -> set[int]:
    """The members of a longest rising subsequence: siblings that kept their order; the others have moved."""
    best: list[list[int]] = []
    for number in numbers:
        below = [chain for chain in best if chain[-1] < number]
        best.append([*(_longest(below)), number])
    return set(_longest(best))


def _longest(chains: Sequence[list[int]]) -> list[int]:
    return max(chains, key=len, default=[])


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
    return f"{before:g} → {after:g} queries" if before != after else ""
