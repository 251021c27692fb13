"""Two recorded sessions, or two traces, side by side: paired by name, equal parts folded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from signal_log.show.cascade import compare
from signal_log.show.cascade.compare import Difference, Node
from signal_log.show.cascade.comparison import FoundOnOneSide, found_on_one_side, pair_as_json
from signal_log.show.cascade.nested import Nested, flat
from signal_log.show.cascade.operation import Cascade
from signal_log.show.sessions.caught import Caught, Chosen
from signal_log.show.sessions.overview import by_name, found_in
from signal_log.show.words.text import duration, one_line

DEEPEST_INDENT: Final = 12
SIGNS: Final = {"added": "+", "removed": "-", "changed": "~", "same": ""}
NOT_COMPARED: Final = "not compared, as its traces are not read as a whole"
WORDS: Final = {"added": "only after", "removed": "only before", "changed": "differs", "same": "the same"}


ByName = Mapping[str, Sequence[Caught]]


@dataclass(frozen=True, slots=True)
class Pair:
    """The traces of one name on both sides, each side's median.

    ``difference`` is None where one side has none, and where one side has none that is read as a whole.
    """

    name: str
    before: int
    after: int
    difference: Difference | None = field(repr=False)  # tools for templates print it

    @property
    def shown(self) -> str:
        """Its name on one line."""
        return one_line(self.name, 200) or "unnamed"

    @property
    def is_common(self) -> bool:
        """Whether both sides have such traces."""
        return bool(self.before and self.after)

    @property
    def is_open(self) -> bool:
        """Whether both sides have such traces, which are too large to be compared."""
        return self.is_common and self.difference is None

    @property
    def differs(self) -> bool:
        """Whether anything is not the same; of those that are not compared, nobody knows."""
        return self.difference.differs if self.difference is not None else not self.is_common

    @property
    def rows(self) -> list[Row]:
        """What differs, as rows."""
        return list(rows(self.difference)) if self.difference is not None else []


@dataclass(frozen=True, slots=True)
class Row:
    """One node of both trees, or the number of equal ones that are left out."""

    level: int
    change: str
    words: str
    before: str
    after: str
    note: str = ""
    is_receiver: bool = False

    @property
    def indent(self) -> int:
        """The level, up to the maximum that the style sheet supports."""
        return min(self.level, DEEPEST_INDENT)

    @property
    def is_deep(self) -> bool:
        """Whether its level has to be told, as it is not indented as far."""
        return self.level > DEEPEST_INDENT

    @property
    def sign(self) -> str:
        """What stands in front of it."""
        return SIGNS.get(self.change, "")

    @property
    def said(self) -> str:
        """The same for who does not see it."""
        return "differs below" if self.change == "same" and self.before else WORDS.get(self.change, "")


def pairs(before: Chosen, after: Chosen) -> list[Pair]:
    """The names of both sessions, those that differ first, then those that are not compared."""
    ours, theirs = _whole_by_name(before), _whole_by_name(after)
    found = [
        _pair(name, before.numbers.get(name, 0), after.numbers.get(name, 0), ours.get(name, ()), theirs.get(name, ()))
        for name in dict.fromkeys((*_in_order(after), *_in_order(before)))
    ]
    return sorted(found, key=lambda pair: (not pair.differs, not pair.is_open, pair.difference is None))


def findings_on_one_side(before: Chosen, after: Chosen) -> FoundOnOneSide:
    """What is worth attention in the traces of one session only, without those of names that are not compared."""
    ours, theirs = _whole_by_name(before), _whole_by_name(after)
    left_out = {name for name in {*before.numbers, *after.numbers} if _is_open(name, before, ours, after, theirs)}
    told = [
        [found.finding for found in found_in([one for name in side if name not in left_out for one in side[name]])]
        for side in (ours, theirs)
    ]
    return found_on_one_side(*told)


def as_json(pair: Pair) -> dict[str, Any]:
    """A pair, for programs."""
    told = pair_as_json(pair.name, pair.before, pair.after, pair.difference, in_common=pair.is_common)
    return told | {"differs": pair.differs, "compared": not pair.is_open}


def of_traces(before: Cascade, after: Cascade) -> Difference:
    """Two traces, whatever their names are."""
    return compare.compare(compare.folded(before), compare.folded(after))


def in_common(found: Sequence[Pair]) -> bool:
    """Whether any name is on both sides."""
    return any(pair.is_common for pair in found)


def rows(difference: Difference) -> Iterator[Row]:
    """What differs below a node, and how much does not."""
    return flat(_rows(difference, 0))


def _rows(difference: Difference, level: int) -> Nested[Row]:
    same = 0
    for child in difference.children:
        if not child.differs:
            same += 1
            continue
        yield Row(
            level, child.change, one_line(child.key[1], 120), _told(child.before), _told(child.after),
            "moved" if child.moved else "", child.key[0] == "receiver",
        )  # fmt: skip
        yield _rows(child, level + 1)
    if same:
        yield Row(level, "same", f"… {same} the same", "", "")


def lines(found: Sequence[Pair], before: str, after: str) -> Iterator[str]:
    """The comparison as text."""
    if not in_common(found):
        yield f"“{before}” and “{after}” have no trace of the same name, so there is nothing to compare."
        return
    same = 0
    for pair in found:
        if pair.is_open:
            yield f"? {pair.shown}   × {pair.before} → × {pair.after}   {NOT_COMPARED}"
        elif not pair.differs:
            same += 1
        elif pair.difference is None:
            yield f"{'+' if pair.after else '-'} {pair.shown}   × {pair.before} → × {pair.after}"
        else:
            yield f"~ {pair.shown}   × {pair.before} → × {pair.after}"
            yield from (f"  {line}" for line in compare.lines(pair.difference))
    if same:
        yield f"{same} of {len(found)} names the same."
    if any(pair.difference is not None and min(pair.before, pair.after) < compare.FEWEST_RUNS for pair in found):
        yield f"Times are compared from {compare.FEWEST_RUNS} runs a side: below that, only what ran, and how often."


def _whole_by_name(chosen: Chosen) -> dict[str, Sequence[Caught]]:
    """The traces that can be compared."""
    return {named.name: named.traces for named in by_name([one for one in chosen.traces if one.is_whole])}


def _in_order(chosen: Chosen) -> list[str]:
    """Its names, those that are read in the order of their first."""
    return [*(one.row.name for one in chosen.traces), *chosen.numbers]


def _is_open(name: str, before: Chosen, ours: ByName, after: Chosen, theirs: ByName) -> bool:
    """Whether a side has traces of this name, but none that can be compared."""
    return any(name in side.numbers and name not in whole for side, whole in ((before, ours), (after, theirs)))


def _pair(name: str, before: int, after: int, ours: Sequence[Caught], theirs: Sequence[Caught]) -> Pair:
    difference = compare.compare(_typical(ours), _typical(theirs)) if ours and theirs else None
    return Pair(name, before, after, difference)


def _typical(traces: Sequence[Caught]) -> Node:
    return compare.typical([compare.folded(one.cascade) for one in traces])


def _told(node: Node | None) -> str:
    if node is None:
        return ""
    queries = f"{node.queries:g} quer{'y' if node.queries == 1 else 'ies'}" if node.queries else ""
    return " · ".join(filter(None, (f"× {node.count:g}", duration(node.took_us) if node.took_us else "", queries)))
