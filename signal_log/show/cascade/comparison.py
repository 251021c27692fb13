"""Two sides compared as a JSON document for programs and agents (``signal_log.comparison/1``).

Lines are flat with their level, so that a document is as deep as any other, however deep the cascades are. The format
is in ``docs/reference.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from signal_log.show.cascade.compare import Difference, Node
from signal_log.show.cascade.document import finding_as_json
from signal_log.show.cascade.findings import Finding
from signal_log.show.cascade.nested import Nested, flat

FORMAT: Final = "signal_log.comparison/1"


@dataclass(frozen=True, slots=True)
class FoundOnOneSide:
    """What is worth attention on one side only."""

    after: Sequence[Finding]
    before: Sequence[Finding]


def found_on_one_side(before: Sequence[Finding], after: Sequence[Finding]) -> FoundOnOneSide:
    """Findings by their ids, which are the same in every run that has them."""
    ours, theirs = ({one.id for one in side} for side in (before, after))
    return FoundOnOneSide([one for one in after if one.id not in ours], [one for one in before if one.id not in theirs])


def comparison(
    before: dict[str, Any], after: dict[str, Any], found: FoundOnOneSide, traces: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The document; ``traces`` are from ``pair_as_json``."""
    return {
        "format": FORMAT,
        "before": before,
        "after": after,
        "in_common": any(one["in_common"] for one in traces),
        "differs": any(one["differs"] for one in traces),
        "findings": {
            "only_after": [finding_as_json(one) for one in found.after],
            "only_before": [finding_as_json(one) for one in found.before],
        },
        "traces": traces,
    }


def pair_as_json(
    name: str, before: int, after: int, difference: Difference | None, *, in_common: bool
) -> dict[str, Any]:
    """The traces of one name on both sides, how many each has, and what differs between them."""
    return {
        "name": name,
        "before": before,
        "after": after,
        "in_common": in_common,
        "differs": difference is None or difference.differs,
        "lines": [] if difference is None else list(flat(_lines(difference, 0))),
    }


def _lines(difference: Difference, level: int) -> Nested[dict[str, Any]]:
    same = 0
    for child in difference.children:
        if not child.differs:
            same += 1
            continue
        yield {
            "level": level,
            "change": child.change,
            "kind": child.key[0],
            "name": child.key[1],
            "before": _side(child.before),
            "after": _side(child.after),
            "moved": child.moved,
            "slower_or_faster": child.is_slower_or_faster,
        }
        yield _lines(child, level + 1)
    if same:
        yield {"level": level, "change": "same", "number": same}


def _side(node: Node | None) -> dict[str, Any] | None:
    if node is None:
        return None
    return {"count": node.count, "took_us": node.took_us, "queries": node.queries, "runs": node.runs}
