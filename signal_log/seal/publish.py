"""Writes a tree as a directory of files that any tlog-tiles reader takes, and keeps it up to date.

Files appear whole, by renaming, and the checkpoint last, so that a reader never finds one whose tiles are not there.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTree
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.merkle import consistency_proof, verify_consistency
from signal_log.seal.note import read_note
from signal_log.seal.published import CHECKPOINT, bundle_content, tile_content
from signal_log.seal.stored import newest_checkpoint, node
from signal_log.seal.tiles import WIDTH, Tile, bundle_path, tiles_between
from signal_log.seal.whole_file import EVERYBODY, write_whole

UNSIGNED: Final = (
    "Nothing can be published yet: no checkpoint is signed. Make a key with `manage.py signal_seal init`, name it in "
    'SIGNAL_LOG["SEAL_KEYS"], and seal.'
)


def publish(tree: SealTree, directory: Path) -> int:
    """Bring a directory up to the tree's last signed checkpoint; returns how many files were written.

    Raises ``ProofError`` if nothing is signed, if the directory holds another log, or a checkpoint that this tree did
    not grow from: then nothing is written. ``OSError`` where it cannot be written.
    """
    last = newest_checkpoint(tree, signed=True)
    if last is None:
        raise ProofError(UNSIGNED)
    before = _published(directory)
    if before is not None:
        _must_continue(tree, directory, before, last)
    written = 0
    for tile in tiles_between(before.size if before else 0, last.size):
        written += _write(directory / tile.path, _must_be_there(tile, tile_content(tree, tile)))
        if tile.level == 0:
            entries = bundle_content(tree, tile.index, tile.width)
            if entries is not None:  # those of pruned events stay as they were published
                written += _write(directory / bundle_path(tile.index, tile.width), entries)
    written += _write(directory / CHECKPOINT, last.note.encode())
    _remove_partial(directory, before.size if before else 0, last.size)
    return written


def _remove_partial(directory: Path, old: int, size: int) -> None:
    """Remove the partial forms of what is full by now: up to 255 of each tile would stay for ever."""
    for tile in tiles_between(old, size):
        if tile.width == WIDTH:
            for full in (tile.path, bundle_path(tile.index)) if tile.level == 0 else (tile.path,):
                shutil.rmtree(directory / f"{full}.p", ignore_errors=True)


def _published(directory: Path) -> Checkpoint | None:
    """What the directory states so far."""
    try:
        content = (directory / CHECKPOINT).read_bytes()
    except FileNotFoundError:
        return None
    return read_checkpoint(read_note(content).text)


def _must_continue(tree: SealTree, directory: Path, before: Checkpoint, last: SealCheckpoint) -> None:
    if before.origin != tree.origin:
        raise ProofError(
            f"{directory} holds the tree of {before.origin}, not of {tree.origin}. Publish each log, and each "
            "generation of a log, in a directory of its own."
        )
    if before.size > last.size:
        raise ProofError(
            f"{directory} states {before.size:,} events, the database only {last.size:,}: the log was rewound. "
            "`manage.py signal_verify` tells more; nothing was written."
        )
    proof = consistency_proof(before.size, last.size, node(tree))
    if not verify_consistency(before.size, last.size, before.root, bytes(last.root), proof):
        raise ProofError(
            f"The tree in the database did not grow from the one in {directory}: one of them was changed. "
            "`manage.py signal_verify` tells more; nothing was written."
        )


def _must_be_there(tile: Tile, content: bytes | None) -> bytes:
    if content is None:
        raise ProofError(f"The database lacks the tile {tile.path}. `manage.py signal_verify` tells what is missing.")
    return content


def _write(path: Path, content: bytes) -> int:
    """Write a file so that readers see it whole or not at all; returns 1, or 0 if it is there already."""
    try:
        if path.read_bytes() == content:
            return 0
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content, EVERYBODY)
    return 1
