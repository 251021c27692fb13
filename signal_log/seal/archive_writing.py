"""Writes the files of an archive, each whole and on disk before anything names it (pure; no Django)."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from signal_log.event import HEADER_FIELDS, PAYLOAD_FIELDS, SUBJECT_FIELDS
from signal_log.seal.archive import FILE, Line, Manifest, manifests, read_manifest, sha256_of
from signal_log.seal.canonical import canonical
from signal_log.seal.merkle import Tree
from signal_log.seal.ranges import Ranges


def write(folder: Path, origin: str, generation: int, held: Iterable[Line], made_at: str) -> Manifest:
    """Write lines, which follow one another, with their manifest, on disk before this returns.

    Writing the same again gives the same file. Raises ``OSError``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content, first, last, ids, root = _content(held)
    sha256 = hashlib.sha256(content).hexdigest()
    base, number = f"g{generation}-{first}-{last}", 1
    while (folder / f"{base}{_more(number)}.json").exists():
        before = read_manifest(folder / f"{base}{_more(number)}.json")
        if before.sha256 == sha256 and _is_whole(folder, before):
            return before
        number += 1
    name = f"{base}{_more(number)}"
    manifest = Manifest(
        origin, generation, first, last, ids.count, str(ids), f"{name}.1.jsonl.gz", sha256, root, made_at
    )  # fmt: skip
    _put(folder, manifest, content)
    return manifest


def rewrite(folder: Path, manifest: Manifest, held: Iterable[Line], redacted_at: str) -> Manifest:
    """Put other lines of the same leaves in the place of a file, as a redaction does; the old file is removed.

    At each moment the manifest names a whole file. Raises ``OSError``.
    """
    content, _, _, ids, root = _content(held)
    found = FILE.fullmatch(manifest.file)
    if found is None or root != manifest.root or str(ids) != manifest.ids:
        raise ValueError("A redaction changes neither the leaves nor the events of an archive.")
    new = Manifest(**{
        **asdict(manifest),
        "file": f"{found[1]}.{int(found[2]) + 1}.jsonl.gz",
        "sha256": hashlib.sha256(content).hexdigest(),
        "redacted_at": redacted_at,
    })  # fmt: skip
    _put(folder, new, content)
    remove_leftovers(folder)
    return new


def remove_leftovers(folder: Path) -> int:
    """Remove what an interrupted write or rewrite has left: files that no manifest names; how many."""
    named = {manifest.file for manifest in manifests(folder)}
    left = [path for path in folder.iterdir() if FILE.fullmatch(path.name.removesuffix(".part"))]
    left = [path for path in left if path.name not in named]
    for path in left:
        path.unlink(missing_ok=True)
    if left:
        _sync(folder)
    return len(left)


def _content(held: Iterable[Line]) -> tuple[bytes, int, int, Ranges, str]:
    """The compressed lines, their first and last leaf, the ids of their events, and their root."""
    out, tree, ids = io.BytesIO(), Tree(), Ranges()
    first = last = -1
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as file:
        for line in held:
            first, last = (line.index if first < 0 else first), line.index
            tree.append(line.leaf)
            if line.id is not None:
                ids.add(line.id)
            file.write(_written(line) + b"\n")
    if first < 0:
        raise ValueError("An archive without lines is none.")
    return out.getvalue(), first, last, ids, tree.root().hex()


def _written(line: Line) -> bytes:
    event = line.event
    if event is None:
        return canonical({"index": line.index, "leaf": line.leaf.hex()})
    parts = {"header": HEADER_FIELDS, "subject": SUBJECT_FIELDS, "payload": PAYLOAD_FIELDS}
    told = {part: {name: event[name] for name in names} for part, names in parts.items()}
    beside = {name: event[name] for name in ("digest", "kept_hashes", "redacted_at", "salt")}
    return canonical({**told, **beside, "index": line.index, "id": line.id})


def _put(folder: Path, manifest: Manifest, content: bytes) -> None:
    """First the lines, then the manifest that names them; both on disk."""
    _replace(folder / manifest.file, content)
    _replace(folder / manifest.name, manifest.content)
    _sync(folder)


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_whole(folder: Path, manifest: Manifest) -> bool:
    try:
        return sha256_of(folder / manifest.file) == manifest.sha256
    except OSError:
        return False


def _more(number: int) -> str:
    return "" if number == 1 else f"-{number}"
