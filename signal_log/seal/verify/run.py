"""One verification of the whole log, or a part of it: everything in its order, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from django.db.models import Max

from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTree, SignalEvent
from signal_log.seal.tiles import WIDTH
from signal_log.seal.verify.acknowledged import acknowledged, check_given, stated_of
from signal_log.seal.verify.allowed import Allowed, read_allowed
from signal_log.seal.verify.archives import compare_archives, must_be_archives
from signal_log.seal.verify.cells import check_cells, check_hidden
from signal_log.seal.verify.events import LOWEST, Seen, compare, compare_unsealed
from signal_log.seal.verify.findings import REWOUND, TREE, Report
from signal_log.seal.verify.generations import (
    as_far_as_it_counts,
    begun_by_key,
    check_first,
    check_growing,
    check_succession,
)
from signal_log.seal.verify.held import Held
from signal_log.seal.verify.judging import judge
from signal_log.seal.verify.later_generations import find_later
from signal_log.seal.verify.remarks import remark
from signal_log.seal.verify.retired import SEALED, retired_keys
from signal_log.seal.verify.signatures import check_signatures
from signal_log.seal.verify.tables import Tables, open_tables
from signal_log.seal.verify.trees import check_tree
from signal_log.seal.verify.trust import Trust, ask, first_origins, kept_files, looked_at, trust_of
from signal_log.seal.verify.wanted import Progress, Result, Wanted

if TYPE_CHECKING:
    from signal_log.seal.iceberg.table import Archive


@dataclass(slots=True)
class _Others:
    """What is known beside the database: whom the run believes, and what they hold."""

    origins: list[str]
    trust: Trust
    kept: dict[str, list[Held]]
    """Checkpoints by the origin of their generation."""
    gone: list[Held]
    """Those of generations that the database does not have."""
    tables: list[Archive]


def verify(wanted: Wanted, progress: Progress | None = None, resumed: tuple[int, int, Seen] | None = None) -> Result:
    """Verify; raises ``ProofError`` for what was given and cannot be used, before anything is compared.

    ``resumed`` are the generation and the tile at which to go on, and what was seen before.
    """
    progress = progress or Progress()
    report = Report()
    result = Result(report)
    part, parts = wanted.shard
    if part == 1:
        check_hidden(report)
    if not check_cells(report):
        result.is_whole = False
        return result
    others = _ask_others(wanted, result)
    numbers = dict(SealCheckpoint.objects.values_list("tree").annotate(Max("number")))
    newest = SignalEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    trees = result.trees = list(SealTree.objects.order_by("generation"))
    if trees and wanted.since > trees[-1].size:
        size, origin = trees[-1].size, others.origins[-1]
        raise ProofError(f"{origin} has {size:,} leaves; --since {wanted.since:,} is beyond its end.")
    progress.total = sum(tree.size for tree in trees)
    result.is_whole = parts == 1 and (not wanted.since or (wanted.since < WIDTH and len(trees) == 1))
    _check_what_is_gone(others, trees, newest, report)
    _check_trees(others, numbers, result, progress, is_first=part == 1)
    _check_generations(others, result)
    allowed = read_allowed(trees)
    allowed.acknowledged = acknowledged(trees, result.begun)
    check_given(others.kept, trees, allowed.acknowledged, report)
    begin = (trees[-1].generation, wanted.since // WIDTH) if wanted.since and trees else (0, 0)
    if resumed:
        begin, result.seen = resumed[:2], resumed[2]
    _compare_rows(result, allowed, wanted.shard, begin, progress)
    if part == parts:
        _check_unsealed(trees, newest, result, progress)
    read_allowed(trees, allowed)  # what was redacted or pruned meanwhile
    if others.tables or (wanted.archives and part == 1):
        in_tables = Tables(others.tables, trees, wanted.shard)
        compare_archives(wanted.archives, in_tables, trees, result.seen, allowed, report)
    judge(trees, result.seen, allowed, report, is_whole=part == 1 and not wanted.since)
    remark(result, allowed, wanted)
    return result


def _ask_others(wanted: Wanted, result: Result) -> _Others:
    """Read and ask whatever the database has no say in."""
    trust = trust_of(wanted, result.report)
    origins = list(SealTree.objects.order_by("generation").values_list("origin", flat=True)) or first_origins(trust)
    trust.of_log(origins)
    files = kept_files(wanted, trust, origins)
    result.looked_at = looked_at(wanted, trust, files)
    must_be_archives(wanted.archives, origins)
    tables = open_tables(wanted.tables, origins)
    kept = {origin: ask(origin, trust, result.report, origins[-1]) + files.get(origin, []) for origin in origins}
    find_later(origins[-1], trust, result.report)
    gone = [one for origin, found in files.items() if origin not in kept for one in found]
    return _Others(origins, trust, kept, gone, tables)


def _check_what_is_gone(others: _Others, trees: list[SealTree], newest: int, report: Report) -> None:
    for one in others.gone:
        report.find(REWOUND, f"{one.who} holds a checkpoint of {one.checkpoint.size:,} events of "
                    f"{one.checkpoint.origin}, a generation that is gone.")  # fmt: skip
    if not trees:
        _never_sealed(report, newest, [one for found in others.kept.values() for one in found])


def _check_trees(
    others: _Others, numbers: dict[int, int], result: Result, progress: Progress, *, is_first: bool
) -> None:
    """Check tiles, checkpoints and signatures of each generation; only the first of several parts looks at trees."""
    trees, kept, trust = result.trees, others.kept, others.trust
    for before, after in pairwise(trees):
        kept[before.origin] += stated_of(before, after)
    trust.retired = retired_keys(trees, trust.keys)
    signed = [
        check_tree(tree, result, numbers.get(tree.pk, 0), trust, kept.get(tree.origin, []), progress)
        for tree in (trees if is_first else ())
    ]
    check_signatures(signed, result.report, given=bool(trust.vkeys))


def _check_generations(others: _Others, result: Result) -> None:
    """Check how each generation follows the one before."""
    keyed = begun_by_key(others.trust.keys, others.trust.retired)
    for before, after in pairwise(result.trees):
        known = max((one.checkpoint.size for one in others.kept.get(before.origin, [])), default=0)
        if check_succession(before, after, keyed, result.report, known):
            result.begun.add(after.generation)
    check_first(result.trees, result.report)
    check_growing(result.trees, result.report)


def _compare_rows(
    result: Result, allowed: Allowed, shard: tuple[int, int], begin: tuple[int, int], progress: Progress
) -> None:
    """Compare rows with leaves, from a tile of a generation on, as far as they are in this part of all tiles."""
    tiles = [-(-tree.size // WIDTH) for tree in result.trees]
    low, high = (sum(tiles) * one // shard[1] for one in (shard[0] - 1, shard[0]))
    before = 0
    for tree, own in zip(result.trees, tiles, strict=True):
        first, last = max(low - before, 0), min(max(high - before, 0), own)
        before += own
        if tree.generation < begin[0]:
            continue
        if tree.generation == begin[0]:
            first = max(first, begin[1])

        def show(added: int, _: int) -> None:
            progress.show("events", added, result.seen.rows, progress.total)

        def passed(tiles: int, last_id: int, number: int = tree.generation) -> None:
            progress.passed(result, number, tiles, last_id)

        counted = as_far_as_it_counts(tree, result.trees, result.begun)
        compare(
            counted,
            result.seen,
            allowed.ids,
            pruned=allowed.pruned.get(tree.generation),
            begin=first,
            end=last,
            progress=show,
            passed=passed,
        )


def _never_sealed(report: Report, newest: int, kept: list[Held]) -> None:
    for one in kept:
        size = one.checkpoint.size
        report.find(REWOUND, f"{one.who} holds a checkpoint of {size:,} events{one.when()}, and the tree is gone.")
    if kept:
        return
    if not newest:
        report.unchecked.append("The log is empty, and nothing of it was ever sealed.")
        return
    if SignalEvent.objects.filter(signal=SEALED).exists():
        report.find(TREE, "The tree is gone: events of the log tell that it was sealed.")
        return
    report.unchecked.append(
        "Nothing of the log was sealed yet, so that there is nothing to compare it with. Run `manage.py signal_seal`."
    )


def _check_unsealed(trees: list[SealTree], newest: int, result: Result, progress: Progress) -> None:
    last = trees[-1].last_id if trees else LOWEST

    def show(added: int, at: int) -> None:
        progress.show("events", added, result.seen.rows, progress.total)

    compare_unsealed(last, newest, result.seen, show)
