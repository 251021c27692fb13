"""Compares archives of pruned events with the tree, which still has their leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from signal_log.errors import ProofError
from signal_log.event import NEVER_PRUNED
from signal_log.models import SealTree
from signal_log.seal import archive
from signal_log.seal.ranges import Ranges, format_indexes, parse_ranges
from signal_log.seal.tiles import WIDTH
from signal_log.seal.verify.allowed import Allowed, Archived
from signal_log.seal.verify.archived_lines import State, ToldOfFile, is_redacted
from signal_log.seal.verify.events import Seen
from signal_log.seal.verify.findings import ARCHIVE, MAINTENANCE, MODIFIED, REWOUND, Report, cut
from signal_log.seal.verify.tables import Tables
from signal_log.seal.verify.tiles import tiles_of_level


def must_be_archives(folders: Sequence[Path], origins: list[str]) -> None:
    """Raise ``ProofError`` for a folder that is no archive, or one of another log."""
    for folder in folders:
        if not (files := archive.manifest_files(folder)):
            raise ProofError(f"{folder} holds no archive.")
        for path in files:
            try:
                origin = archive.read_manifest(path).origin
            except archive.AlteredArchiveError:
                continue  # it will be told
            if origin not in origins:
                raise ProofError(f"{path} is of another log, {origin}; this one is {origins[-1]}.")


def compare_archives(
    folders: Sequence[Path], tables: Tables, trees: list[SealTree], seen: Seen, allowed: Allowed, report: Report
) -> None:
    """Compare every line with its leaf and with what prunes and redactions tell of it, and what all of them hold.

    Folders are compared by the first part of a run; of Iceberg tables each part compares its own.
    """
    held = tables.held
    if tables.part == 1:
        _compare_folders(folders, trees, seen, allowed, report, held)
    tables.compare(seen, allowed, report)
    if tables.parts == 1 or not tables.archives:
        _tell_lacking(held, allowed, report)
    elif not folders:
        lacking = {one: tables.mine(one).common(ranges) for one, ranges in allowed.pruned.items()}
        _tell_lacking(held, replace(allowed, pruned=lacking), report)


def _compare_folders(
    folders: Sequence[Path], trees: list[SealTree], seen: Seen, allowed: Allowed, report: Report,
    held: dict[int, Ranges],
) -> None:  # fmt: skip
    by_origin = {tree.origin: tree for tree in trees}
    for path in (path for folder in folders for path in archive.manifest_files(folder)):
        told, before = allowed.archives.get(path.name, Archived()), len(report.findings)
        manifest = None
        try:
            manifest = archive.read_manifest(path)
            tree = by_origin[manifest.origin]
            if manifest.last < tree.size:
                _compare_file(path.parent, manifest, tree, seen, allowed, report, held)
            else:
                report.find(REWOUND, f"{path} holds leaves up to {manifest.last:,}, and the tree has {tree.size:,}.")
        except archive.AlteredArchiveError as error:
            report.find(ARCHIVE, str(error), events=told.ids)
        except ProofError as error:
            report.unchecked.append(str(error))
        if manifest is not None and len(report.findings) == before:  # else it is known what was changed
            _compare_with_told(path, manifest, told, allowed, report)


def _compare_with_told(
    path: Path, manifest: archive.Manifest, told: Archived, allowed: Allowed, report: Report
) -> None:
    """Compare the hashes of a file with those that the event tells which has written it."""
    if not told.written:
        report.unchecked.append(f"No event of a prune names {path}, so that nothing tells whether it was changed.")
    elif manifest.hashes not in [one.hashes for one in told.written.values()]:
        if any(number not in allowed.done for number in told.begun):
            return  # a redaction has not come to its end: each line is compared with what it says
        numbers = Ranges.of(one.number for one in told.written.values())
        tells = f"event {numbers} tells" if numbers.count == 1 else f"the events {numbers} tell"
        report.find(ARCHIVE, f"{path}, or the file that it names, was changed: it is not what was written, as {tells}.",
                    events=told.ids)  # fmt: skip


def _tell_lacking(held: Mapping[int, Ranges], allowed: Allowed, report: Report) -> None:
    """Pruned events that no archive has which was given."""
    lacking = {one: ranges.without(held.get(one, Ranges())) for one, ranges in allowed.pruned.items()}
    never = {one: ranges.common(allowed.unarchived.get(one, Ranges())) for one, ranges in lacking.items()}
    lacking = {one: ranges.without(never[one]) for one, ranges in lacking.items()}
    if number := sum(ranges.count for ranges in lacking.values()):
        are = "1 pruned event is" if number == 1 else f"{number:,} pruned events are"
        report.unchecked.append(f"{are} in none of the archives given: {cut(format_indexes(lacking))}.")
    if number := sum(ranges.count for ranges in never.values()):
        were = "1 event was" if number == 1 else f"{number:,} events were"
        report.limits.append(f"{were} pruned without an archive: {cut(format_indexes(never))}.")


def _compare_file(
    folder: Path, manifest: archive.Manifest, tree: SealTree, seen: Seen, allowed: Allowed, report: Report,
    held: dict[int, Ranges],
) -> None:  # fmt: skip
    told = ToldOfFile(manifest.generation, parse_ranges(manifest.ids), manifest.name, allowed)
    ids = allowed.ids_of(manifest.generation, manifest.first, manifest.last)
    there = held.setdefault(tree.generation, Ranges())
    places, events, unfinished, staying = Ranges(), Ranges(), Ranges(), Ranges()
    tiles = tiles_of_level(tree, 0, tree.size, manifest.first // WIDTH, manifest.last // WIDTH + 1)
    tile = next(tiles)
    for line in archive.lines(folder, manifest):
        while line.index >= (tile.index + 1) * WIDTH:
            tile = next(tiles)
        within = line.index % WIDTH
        state = told.state(line)
        is_leaf = line.holds and not (tile.is_whole and tile.leaves[within] != line.leaf)
        if line.event is not None and line.id != ids.get(line.index, line.id):
            is_leaf = False
        if state is State.ALTERED or not is_leaf:
            places.add(line.index)
            if line.id is not None:
                events.add(line.id)
        elif state is State.BEFORE:
            unfinished.add(line.id or 0)
        if line.event is not None:
            seen.archived += 1
            there.add(line.index)
            if line.id is not None and is_redacted(line):
                seen.redacted_in_archives.add(line.id)
            if line.event["signal"] in NEVER_PRUNED:
                staying.add(line.id or 0)
    if places:
        report.find(
            MODIFIED, f"{folder / manifest.file} holds {places.count:,} events that are not what was sealed, or not "
            "what their redaction left.", events=events, indexes={tree.generation: places},
        )  # fmt: skip
    if unfinished:
        report.unchecked.append(
            f"{folder / manifest.file} still holds {unfinished.count:,} events as they were before a redaction that "
            f"was begun and not ended: {unfinished}. Run signal_redact again."
        )
    if staying:
        report.find(MAINTENANCE, f"{folder / manifest.file} holds events that no prune removes: {staying}.",
                    events=staying)  # fmt: skip
