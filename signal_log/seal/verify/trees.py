"""Checks one generation of the tree: its tiles, its checkpoints, and what others hold of it."""

from __future__ import annotations

from heapq import merge
from operator import attrgetter

from signal_log.models import SealTree
from signal_log.seal.verify import held
from signal_log.seal.verify.checkpoints import Checkpoints
from signal_log.seal.verify.roots import Roots, check_beyond
from signal_log.seal.verify.signatures import Signed
from signal_log.seal.verify.trust import Trust
from signal_log.seal.verify.wanted import Progress, Result


def check_tree(
    tree: SealTree, result: Result, up_to: int, trust: Trust, kept: list[held.Held], progress: Progress
) -> Signed:
    """Check tiles, roots and checkpoints of one generation; what its signatures come to is judged afterwards."""
    report, keys = result.report, trust.keys(tree.origin)
    table = Checkpoints(tree, up_to, keys, trust.retired, [one.key for one in trust.witnesses], report)
    others = held.compared(tree, kept, report)
    held.must_be_in_table(tree, kept, report)
    held.must_reach_what_was_signed(tree, kept, report)
    held.told_by_ourselves(tree, report, tree.size)
    roots = Roots(tree, report)
    done = 0

    def show(leaves: int) -> None:
        nonlocal done
        done += leaves
        progress.show("leaves", leaves, done, tree.size)

    roots.check(merge(table.stated(), others, key=attrgetter("size")), show)
    table.tell_wrong(tiles_are_sound=roots.is_sound)
    check_beyond(tree, report)
    if not roots.is_known:
        report.unchecked.append(f"The root of {tree.origin} cannot be computed, as tiles are missing or damaged.")
    for one in trust.witnesses:
        held.has_forgotten(one, table.cosigned[one.key], kept, trust.asked, report)
    result.facts.append(
        {
            "origin": tree.origin, "generation": tree.generation, "size": tree.size, "root": bytes(tree.root).hex(),
            "checkpoints": table.number, "signed": table.signed, "signed_size": table.signed_size,
            "witnesses": [{"name": key.name, "size": one.size, "time": one.time}
                          for key, one in table.cosigned.items()],
            "held": [{"by": one.who, "size": one.checkpoint.size, "time": one.time} for one in kept],
        }
    )  # fmt: skip
    return tree, table, keys
