"""One verification of the whole log, or a part of it: everything in its order, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import merge
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from django.db.models import Max

from signal_log import clock
from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTree, SignalEvent
from signal_log.seal.note import COSIGNATURE, VerifierKey, verifier_key
from signal_log.seal.origin import origin_of
from signal_log.seal.ranges import Ranges
from signal_log.seal.signing import log_vkeys
from signal_log.seal.tiles import WIDTH
from signal_log.seal.verify import held
from signal_log.seal.verify.allowed import Allowed, read_allowed
from signal_log.seal.verify.archives import compare_archive, read_manifests
from signal_log.seal.verify.checkpoints import Checkpoints
from signal_log.seal.verify.events import LOWEST, Seen, compare, compare_unsealed
from signal_log.seal.verify.findings import REWOUND, TREE, Report
from signal_log.seal.verify.generations import (
    SEALED,
    as_far_as_it_counts,
    begun_by_key,
    check_growing,
    check_succession,
    follows_of,
)
from signal_log.seal.verify.judging import judge
from signal_log.seal.verify.roots import Roots, check_beyond
from signal_log.seal.verify.signatures import check_signatures
from signal_log.seal.witness_call import Witness, witness

INTACT: Final = "intact"
TAMPERED: Final = "tampered"
UNCHECKED: Final = "unchecked"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be verified, and by what."""

    vkeys: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()
    """Addresses; ``URL VKEY``, or the URL alone."""
    checkpoints: tuple[Path, ...] = ()
    archives: tuple[Path, ...] = ()
    """Folders with what was pruned."""
    since: int = 0
    """Rows below this index are not compared; trees and checkpoints always are."""
    shard: tuple[int, int] = (1, 1)


@dataclass(slots=True)
class Result:
    """What one run came to."""

    report: Report
    trees: list[SealTree] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)
    facts: list[dict[str, Any]] = field(default_factory=list)
    is_whole: bool = True
    """Whether all of the log was compared, and no part of it was left out."""
    begun: set[int] = field(default_factory=set)
    """Generations that were begun as they have to be, so that the one before need not have all of its rows."""

    @property
    def verdict(self) -> str:
        """Tampering that was found counts, whatever else could not be checked."""
        if self.report.findings:
            return TAMPERED
        return UNCHECKED if self.report.unchecked else INTACT


@dataclass(slots=True)
class Progress:
    """Where a run is, for whoever shows or keeps it."""

    total: int = 0
    show: Callable[[str, int, int, int], None] = lambda what, added, done, total: None
    """What is compared, how much was added, how much is done, and of how much."""
    passed: Callable[[Result, int, int, int], None] = lambda result, generation, tiles, last: None


@dataclass(slots=True)
class _Trust:
    """Who is believed."""

    vkeys: list[VerifierKey]
    witnesses: list[Witness]
    addresses: list[str]
    asked: float
    """When the witnesses were asked, in seconds since 1970."""

    def keys(self, origin: str) -> list[VerifierKey]:
        """The log's keys under the name of one generation."""
        if self.vkeys:
            return [VerifierKey(origin, key.kind, key.public) for key in self.vkeys]
        return log_vkeys(origin)


def verify(wanted: Wanted, progress: Progress | None = None, resumed: tuple[int, int, Seen] | None = None) -> Result:
    """Verify; raises ``ProofError`` for what was given and cannot be used, before anything is compared.

    ``resumed`` are the generation and the tile at which to go on, and what was seen before.
    """
    progress = progress or Progress()
    report = Report()
    result = Result(report)
    trust = _trust(wanted, report)
    origins = list(SealTree.objects.order_by("generation").values_list("origin", flat=True)) or [origin_of(1)]
    files = _files(wanted, trust, origins)
    for folder in wanted.archives:
        read_manifests(folder, origins)
    kept = {origin: _ask(origin, trust, report, origins[-1]) + files.get(origin, []) for origin in origins}
    numbers = dict(SealCheckpoint.objects.values_list("tree").annotate(Max("number")))
    newest = SignalEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    trees = result.trees = list(SealTree.objects.order_by("generation"))
    if trees and wanted.since > trees[-1].size:
        raise ProofError(f"{origins[-1]} has {trees[-1].size:,} leaves; --since {wanted.since:,} is beyond its end.")
    for one in (one for origin, found in files.items() if origin not in kept for one in found):
        report.find(REWOUND, f"{one.who} holds a checkpoint of {one.checkpoint.size:,} events of "
                    f"{one.checkpoint.origin}, a generation that is gone.")  # fmt: skip
    if not trees:
        _never_sealed(report, newest, [one for found in kept.values() for one in found])
    progress.total = sum(tree.size for tree in trees)
    part, parts = wanted.shard
    result.is_whole = parts == 1 and (not wanted.since or (wanted.since < WIDTH and len(trees) == 1))
    for before, after in pairwise(trees):
        kept[before.origin] += follows_of(before, after)
    keyed = begun_by_key(trust.keys)
    for tree in trees if part == 1 else ():
        _check_tree(tree, result, numbers.get(tree.pk, 0), trust, kept.get(tree.origin, []), progress)
    for before, after in pairwise(trees):
        known = max((one.checkpoint.size for one in kept.get(before.origin, [])), default=0)
        if check_succession(before, after, keyed, report, known):
            result.begun.add(after.generation)
    check_growing(trees, report)
    begin = (0, 0)
    if resumed:
        begin, result.seen = resumed[:2], resumed[2]
    elif wanted.since and trees:
        begin = trees[-1].generation, wanted.since // WIDTH
    _compare_rows(result, wanted.shard, begin, progress)
    if part == parts:
        _check_unsealed(trees, newest, result, progress)
    wanted_events = result.seen.redacted or any(result.seen.gone.values()) or wanted.archives
    allowed = read_allowed(trees) if wanted_events else Allowed()
    for folder in wanted.archives if part == 1 else ():
        compare_archive(folder, trees, result.seen, allowed, report)
    judge(trees, result.seen, allowed, report)
    _remarks(result, allowed, wanted)
    return result


def _compare_rows(result: Result, shard: tuple[int, int], begin: tuple[int, int], progress: Progress) -> None:
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

        counted = as_far_as_it_counts(tree, result.trees, result.begun, result.report)
        compare(counted, result.seen, begin=first, end=last, progress=show, passed=passed)


def _trust(wanted: Wanted, report: Report) -> _Trust:
    keys = [verifier_key(text) for text in wanted.vkeys]
    for key in keys:
        if key.kind == COSIGNATURE:
            raise ProofError(f"The key of {key.name} is a witness's; --vkey takes the log's own.")
    witnesses, wrong = held.named_witnesses()
    report.unchecked += wrong
    addresses = []
    for text in wanted.witnesses:
        url, _, vkey = text.strip().partition(" ")
        if vkey:
            witnesses = [one for one in witnesses if one.url != url.rstrip("/")] + [witness(url, vkey.strip())]
        elif url.rstrip("/") not in {one.url for one in witnesses}:
            addresses.append(url)
    return _Trust(keys, witnesses, addresses, clock.now().timestamp())


def _files(wanted: Wanted, trust: _Trust, origins: list[str]) -> dict[str, list[held.Held]]:
    found: dict[str, list[held.Held]] = {}
    for path in wanted.checkpoints:
        try:
            checkpoint = held.from_file(path)
            if not held.is_of_log(checkpoint, origins):
                raise ProofError(f"It is of another log, {checkpoint.origin}; this one is {origins[-1]}.")
            origin = checkpoint.origin
            found.setdefault(origin, []).append(held.verified_file(path, origin, trust.keys(origin)))
        except ProofError as error:
            raise ProofError(f"{path} cannot be compared with the log. {error}") from None
    return found


def _ask(origin: str, trust: _Trust, report: Report, newest: str) -> list[held.Held]:
    keys = trust.keys(origin)
    found = held.from_witnesses(origin, trust.witnesses, keys, report)
    for url in trust.addresses:
        found += held.from_address(origin, url, keys, report)
    return found + held.from_memory(origin, report, is_newest=origin == newest)


def _never_sealed(report: Report, newest: int, kept: list[held.Held]) -> None:
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


def _check_tree(
    tree: SealTree, result: Result, up_to: int, trust: _Trust, kept: list[held.Held], progress: Progress
) -> None:
    """Tiles, roots, checkpoints and signatures of one generation."""
    report, keys = result.report, trust.keys(tree.origin)
    table = Checkpoints(tree, up_to, keys, [one.key for one in trust.witnesses], report)
    others = held.compared(tree, kept, report)
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
    check_signatures(tree, table, keys, report, given=bool(trust.vkeys))
    result.facts.append(
        {
            "origin": tree.origin, "generation": tree.generation, "size": tree.size, "root": bytes(tree.root).hex(),
            "checkpoints": table.number, "signed": table.signed, "signed_size": table.signed_size,
            "witnesses": [{"name": key.name, "size": one.size, "time": one.time}
                          for key, one in table.cosigned.items()],
            "held": [{"by": one.who, "size": one.checkpoint.size, "time": one.time} for one in kept],
        }
    )  # fmt: skip


def _check_unsealed(trees: list[SealTree], newest: int, result: Result, progress: Progress) -> None:
    last = trees[-1].last_id if trees else LOWEST

    def show(added: int, at: int) -> None:
        progress.show("events", added, result.seen.rows, progress.total)

    compare_unsealed(last, newest, result.seen, show)


def _remarks(result: Result, allowed: Allowed, wanted: Wanted) -> None:
    report, seen = result.report, result.seen
    if seen.unsealed:
        newest = f"The {seen.unsealed:,} newest events are" if seen.unsealed > 1 else "The newest event is"
        report.notes.append(f"{newest} not sealed yet, and compared with nothing but the digest.")
    if seen.archived:
        report.notes.append(f"{seen.archived:,} events of archives were compared with their leaves.")
    redacted = Ranges([*seen.redacted, *seen.redacted_in_archives]).common(allowed.archived)
    if redacted:
        report.notes.append(
            f"{_were(redacted.count)} redacted, as {_told(allowed.redacted_by(redacted))}; of what is gone only the "
            "hash is proved, and of what is left that the redaction left it."
        )
    if number := sum(ranges.common(seen.gone.get(one, Ranges())).count for one, ranges in allowed.pruned.items()):
        report.notes.append(f"{_were(number)} pruned, as {_told(allowed.pruned_by(seen.gone))}.")
    told = Ranges([*allowed.redacted_by(redacted), *allowed.pruned_by(seen.gone)])
    if unsealed := told.common(allowed.unsealed):
        report.limits.append(
            f"Of what tells of redactions or prunes, {unsealed} is not sealed yet, so that nothing proves who wrote "
            "that and when. Seal it, and verify again."
        )
    report.notes += allowed.refused
    if seen.incomplete:
        report.notes.append(f"Of the events {seen.incomplete} the recorder says itself that it could not record all.")
    if wanted.since and result.trees:
        _remark_begin(result, wanted.since)
    if wanted.shard[1] > 1:
        _remark_part(result, *wanted.shard)


def _remark_begin(result: Result, since: int) -> None:
    """Where ``--since`` has begun, which is with a whole tile."""
    report, newest, begin = result.report, result.trees[-1], since // WIDTH * WIDTH
    if begin < since:
        report.notes.append(
            f"--since {since:,} has begun at the index {begin:,}: leaves are compared {WIDTH} at a time."
        )
    if begin or len(result.trees) > 1:
        earlier = f"of earlier generations than {newest.generation} and " if len(result.trees) > 1 else ""
        report.limits.append(f"Events {earlier}below the index {begin:,} were not compared (--since).")
    if begin == newest.size:
        report.limits.append(f"No event has an index from {begin:,} on, so that none was compared.")


def _remark_part(result: Result, part: int, parts: int) -> None:
    report, tiles = result.report, sum(-(-tree.size // WIDTH) for tree in result.trees)
    if not result.seen.rows:
        report.limits.append(
            f"No event was compared in this part: of {parts} parts some are empty where there "
            f"{'is 1 tile' if tiles == 1 else f'are {tiles:,} tiles'} of {WIDTH} leaves, or all of it was left out."
            if tiles < parts else "No event was compared in this part."
        )  # fmt: skip
    report.limits.append(f"This is part {part} of {parts}; the others tell of the rest.")


def _were(number: int) -> str:
    return "1 event was" if number == 1 else f"{number:,} events were"


def _told(events: Ranges) -> str:
    return f"event {events} tells" if events.count == 1 else f"the events {events} tell"
