"""Compares archives of pruned events with the tree, which still has their leaves."""

from __future__ import annotations

from pathlib import Path

from signal_log.errors import ProofError
from signal_log.models import SealTree
from signal_log.seal import archive
from signal_log.seal.ranges import Ranges
from signal_log.seal.tiles import WIDTH
from signal_log.seal.verify.allowed import Allowed
from signal_log.seal.verify.archived_lines import State, ToldOfFile, is_redacted
from signal_log.seal.verify.events import Seen
from signal_log.seal.verify.findings import MODIFIED, REWOUND, Report
from signal_log.seal.verify.tiles import tiles_of_level


def read_manifests(folder: Path, origins: list[str]) -> list[archive.Manifest]:
    """What an archive holds; raises ``ProofError`` for one that is damaged, or of another log."""
    found = archive.manifests(folder)
    if not found:
        raise ProofError(f"{folder} holds no archive.")
    for manifest in found:
        if manifest.origin not in origins:
            raise ProofError(
                f"{folder / manifest.name} is of another log, {manifest.origin}; this one is {origins[-1]}."
            )
    return found


def compare_archive(folder: Path, trees: list[SealTree], seen: Seen, allowed: Allowed, report: Report) -> None:
    """Compare each line with its leaf, and each event with its digest, or with what its redaction left.

    A damaged file is told as not checked.
    """
    by_origin = {tree.origin: tree for tree in trees}
    for manifest in archive.manifests(folder):
        tree = by_origin[manifest.origin]
        if manifest.last >= tree.size:
            report.find(REWOUND, f"{folder / manifest.name} holds leaves up to {manifest.last:,}, and the tree has "
                        f"{tree.size:,}.")  # fmt: skip
            continue
        try:
            _compare_file(folder, manifest, tree, seen, allowed, report)
        except ProofError as error:
            report.unchecked.append(str(error))


def _compare_file(
    folder: Path, manifest: archive.Manifest, tree: SealTree, seen: Seen, allowed: Allowed, report: Report
) -> None:
    told = ToldOfFile(manifest, allowed)
    places, events, unfinished = Ranges(), Ranges(), Ranges()
    tiles = tiles_of_level(tree, 0, tree.size, manifest.first // WIDTH, manifest.last // WIDTH + 1)
    tile = next(tiles)
    for line in archive.lines(folder, manifest):
        while line.index >= (tile.index + 1) * WIDTH:
            tile = next(tiles)
        within = line.index % WIDTH
        state = told.state(line)
        if state is State.ALTERED or not line.holds or (tile.is_whole and tile.leaves[within] != line.leaf):
            places.add(line.index)
            if line.id is not None:
                events.add(line.id)
        elif state is State.BEFORE:
            unfinished.add(line.id or 0)
        if line.event is not None:
            seen.archived += 1
            if line.id is not None and is_redacted(line):
                seen.redacted_in_archives.add(line.id)
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
