"""Turns what the rows told into findings: what of it is allowed, and which contents were exchanged."""

from __future__ import annotations

from collections.abc import Sequence

from signal_log.models import SealTree
from signal_log.seal.ranges import Ranges
from signal_log.seal.verify.allowed import Allowed
from signal_log.seal.verify.events import Seen
from signal_log.seal.verify.findings import (
    DIGEST,
    INSERTED,
    MAINTENANCE,
    MISSING,
    MODIFIED,
    REDACTED,
    RENUMBERED,
    REORDERED,
    TILE,
    Places,
    Report,
)
from signal_log.seal.verify.remaining import compare_remains
from signal_log.seal.verify.roots import rows_at


def judge(trees: list[SealTree], seen: Seen, allowed: Allowed, report: Report, *, is_whole: bool) -> None:
    """Tell everything that is wrong with rows; of the whole log, whether each that was redacted still is."""
    moved, misnamed = _exchanged(seen)
    in_order = {number for number, _ in moved}
    for generation, one in seen.moved:
        moved[one.id, generation] = one.index
    _tell_places(report, REORDERED, "stand where others were sealed", [
        (number, index, generation) for (number, generation), index in moved.items()
    ], seen.more.get("moved"))  # fmt: skip
    _tell_places(report, TILE, "are named by no tile, or by another than theirs: the ids of tiles were altered", [
        (number, index, generation) for (number, generation), index in misnamed.items()
    ], None)  # fmt: skip
    named = {number for number, _ in moved} | {number for number, _ in misnamed} | in_order
    modified = [(one.id, one.index, generation) for generation, one in seen.modified if one.id not in named]
    _tell_places(report, MODIFIED, "are not what was sealed", modified, seen.more.get("modified"))
    extra = [(one.id, None, generation) for generation, one in seen.extra if one.id not in named]
    _tell_places(report, INSERTED, "were never sealed: they were inserted among those that were", extra,
                 seen.more.get("extra"))  # fmt: skip
    _tell_missing(trees, seen, allowed, report, {(g, index) for (_, g), index in {**moved, **misnamed}.items()})
    _tell_ids(seen, Ranges.of(number for number, _ in {**moved, **misnamed}), report)
    for number, what in allowed.impossible:
        report.find(MAINTENANCE, f"Event {number} names {what}: no command has written it, and it allows nothing.",
                    events=Ranges.of([number]))  # fmt: skip
    redacted = seen.redacted.without(allowed.redacted)
    redacted.update(seen.redacted_in_archives.without(allowed.archived))
    if redacted:
        report.find(
            REDACTED, f"{_rows(redacted.count)} marked as redacted, and no event of a redaction names "
            f"{'it' if redacted.count == 1 else 'them'}: {redacted}.", events=redacted,
        )  # fmt: skip
    known = Ranges.of([*(number for number, _, _ in modified), *named])
    compare_remains(trees, allowed.redacted if is_whole else seen.redacted, allowed, report, known)
    restated = seen.restated.without(known)
    if restated := restated.without(seen.more["modified"].events if "modified" in seen.more else Ranges()):
        report.find(
            DIGEST, f"Of {_of(restated.count)} only the stored digest was altered: {restated}.", events=restated
        )
    if seen.unsealed_wrong:
        report.find(
            MODIFIED, f"{_rows(seen.unsealed_wrong.count)} not sealed yet and no longer what the digest says: "
            f"{seen.unsealed_wrong}.", events=seen.unsealed_wrong,
        )  # fmt: skip


def _exchanged(seen: Seen) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], int]]:
    """Rows that hold what was sealed at another index: of rows in a wrong place, and of rows that no tile names."""
    sealed = {one.sealed: one.index for _, one in seen.modified}
    lost = {one.sealed: one.index for _, one in seen.lost}
    moved, misnamed = {}, {}
    for generation, one in seen.modified:
        if one.leaf is not None and (index := sealed.get(one.leaf, lost.get(one.leaf))) is not None:
            moved[one.id, generation] = index
    for generation, extra in seen.extra:
        if extra.leaf is None:
            continue
        if extra.leaf in sealed:
            moved[extra.id, generation] = sealed[extra.leaf]
        elif extra.leaf in lost:
            misnamed[extra.id, generation] = lost[extra.leaf]
    return moved, misnamed


def _tell_places(
    report: Report, kind: str, what: str, found: Sequence[tuple[int, int | None, int]], more: Places | None
) -> None:
    places = more or Places()
    for number, index, generation in found:
        places.add((number, number), None if index is None else (index, index), generation)
    if places.count:
        text = what if places.count > 1 else _singular(what)
        report.find(
            kind, f"{_events(places.count)} {text}: {places.events}.", events=places.events, indexes=places.indexes
        )  # fmt: skip


def _tell_ids(seen: Seen, known: Ranges, report: Report) -> None:
    """Of rows that are what was sealed, and stand where it was, the ids that are others."""
    for kind, found, what in (
        (RENUMBERED, seen.renumbered, "other ids than events of redactions or prunes tell: ids were shifted"),
        (TILE, seen.misnamed, "other ids than their tile names: those of rows or of tiles were altered"),
    ):
        if events := found.events.without(known):
            has = "has" if events.count == 1 else "have"
            report.find(kind, f"{_events(events.count)} {has} {what}: {events}.", events=events, indexes=found.indexes)


def _tell_missing(
    trees: list[SealTree], seen: Seen, allowed: Allowed, report: Report, elsewhere: set[tuple[int, int]]
) -> None:
    between = {(generation, one.index): (one.above, one.below) for generation, one in seen.lost}
    for tree in trees:
        generation = tree.generation
        gone = seen.gone.get(generation, Ranges()).without(allowed.pruned.get(generation, Ranges()))
        gone = gone.without(allowed.acknowledged.get(generation, Ranges()))
        gone = gone.without(Ranges.of(index for number, index in elsewhere if number == generation))
        begin = 1 if tree.previous is not None else 0
        for first, last in gone:
            above, below = between.get((generation, first)), between.get((generation, last))
            if above and below:
                ids = Ranges([(above[0] + 1, below[1] - 1)]) if above[0] + 1 <= below[1] - 1 else Ranges()
            else:
                ids = rows_at(tree, first, last)
            number = last - first + 1
            where = "at the head of the log, " if first == begin and generation == trees[0].generation else ""
            where = "at the end of what is sealed, " if last == tree.size - 1 and not where else where
            are = "are" if number > 1 else "is"
            exactly = "with the id" if number == 1 else "with the ids"
            known = f"{exactly} {ids}" if ids.count == number else f"with ids among {ids}"
            report.find(
                MISSING,
                f"{_events(number)} {are} missing, {where}{known if ids else 'whose ids nobody knows'}.",
                events=ids, indexes={generation: Ranges([(first, last)])},
            )  # fmt: skip


def _events(number: int) -> str:
    return "1 event" if number == 1 else f"{number:,} events"


def _rows(number: int) -> str:
    return "1 event is" if number == 1 else f"{number:,} events are"


def _of(number: int) -> str:
    return _events(number)


def _singular(what: str) -> str:
    for plural, singular in (
        ("stand where others were", "stands where another was"), ("are ", "is "), ("were never", "was never"),
        ("they were", "it was"), ("than theirs", "than its own"),
    ):  # fmt: skip
        what = what.replace(plural, singular, 1)
    return what
