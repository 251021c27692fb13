"""Archives: events that were pruned from the table, in compressed files that still prove them (pure; no Django).

An archive is a folder. For each stretch of leaves, cut where tiles end, it has a *manifest* and a file of *lines*::

    g1-0-4095.json            the manifest: generation 1, leaves 0 to 4095
    g1-0-4095.1.jsonl.gz      the lines, as written first; .2 after a redaction, and so on

The manifest is a JSON object::

    {"format": "signal_log.archive/1", "origin": "example.org/5f0c…/1", "generation": 1, "first": 0, "last": 4095,
     "events": 4090, "ids": "1-4090", "file": "g1-0-4095.1.jsonl.gz", "sha256": "…", "root": "…",
     "made_at": "2026-11-22T09:42:17.950112Z", "redacted_at": null}

``sha256`` is that of the file, ``root`` the root of RFC 6962 over the leaves ``first`` to ``last``. A line is canonical
JSON (RFC 8785), one for each leaf, in order. Either it has the event, with the three parts that its digest is made of::

    {"digest": "…", "header": {…}, "id": 1, "index": 0, "kept_hashes": null, "payload": {…}, "redacted_at": null,
     "salt": "…", "subject": {…}}

or, where the event stayed in the table or is in another archive, the hash of the leaf alone: ``{"index": 7, "leaf":
"…"}``. Bytes are in hex. The parts are what was hashed: each, as canonical JSON, gives the digest with its salt, or by
the hash in ``kept_hashes`` where it was redacted.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from signal_log.errors import ProofError
from signal_log.event import HEADER_FIELDS, PAYLOAD_FIELDS, SUBJECT_FIELDS
from signal_log.seal.canonical import SALT_BYTES, canonical, row_holds
from signal_log.seal.merkle import HASH_BYTES, Tree, leaf_hash
from signal_log.seal.ranges import Ranges, parse_ranges

FORMAT: Final = "signal_log.archive/1"
FILE_HASH: Final = "sha256"
MANIFEST_HASH: Final = "manifest"
"""The labels by which the events of prunes and redactions name what they have written."""
KEPT_BYTES: Final = (2 * HASH_BYTES, 2 * HASH_BYTES + 16)
"""The hashes of a redacted event's parts, and the salt of what remains, if something does."""
LONGEST_LINE: Final = 64 * 1024 * 1024
LARGEST_MANIFEST: Final = 4 * 1024 * 1024
_MANIFEST: Final = re.compile(r"g[1-9]\d{0,8}-\d{1,19}-\d{1,19}(?:-\d{1,9})?\.json", re.ASCII)
FILE: Final = re.compile(r"(g[1-9]\d{0,8}-\d{1,19}-\d{1,19}(?:-\d{1,9})?)\.(\d{1,9})\.jsonl\.gz", re.ASCII)


_EVENT: Final = frozenset(
    ("digest", "header", "id", "index", "kept_hashes", "payload", "redacted_at", "salt", "subject")
)
_FIELDS: Final = {"header": {*HEADER_FIELDS}, "subject": {*SUBJECT_FIELDS}, "payload": {*PAYLOAD_FIELDS}}
_UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class AlteredArchiveError(ProofError):
    """A file of an archive is there, and is not as it was written."""


@dataclass(frozen=True, slots=True)
class Line:
    """One leaf, with its event or without."""

    index: int
    leaf: bytes
    id: int | None = None
    event: Mapping[str, Any] | None = None
    """By column, as an export has it: ``salt``, ``digest`` and ``kept_hashes`` are hex."""

    @property
    def holds(self) -> bool:
        """Whether the event, if it is there, gives its digest."""
        if self.event is None:
            return True
        kept = bytes.fromhex(self.event["kept_hashes"]) if self.event["kept_hashes"] else None
        return row_holds(self.event, bytes.fromhex(self.event["salt"]), kept, bytes.fromhex(self.event["digest"]))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one file of an archive holds."""

    origin: str
    generation: int
    first: int
    last: int
    events: int
    ids: str
    """Of the events that it has, as ranges: ``5-9,12``."""
    file: str
    sha256: str
    root: str
    made_at: str
    redacted_at: str | None = None
    format: str = FORMAT

    @property
    def name(self) -> str:
        """The manifest's own file."""
        found = FILE.fullmatch(self.file)
        return f"{found[1]}.json" if found else ""

    @property
    def content(self) -> bytes:
        """The manifest's own file."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False).encode() + b"\n"

    @property
    def hashes(self) -> dict[str, str]:
        """By which an event names what was written: the labels of it."""
        return {FILE_HASH: self.sha256, MANIFEST_HASH: hashlib.sha256(self.content).hexdigest()}


def manifests(folder: Path) -> list[Manifest]:
    """The manifests of an archive, in order of generation and leaf; raises ``ProofError`` if one is damaged."""
    found = [read_manifest(path) for path in manifest_files(folder)]
    return sorted(found, key=lambda one: (one.generation, one.first, one.last, one.file))


def manifest_files(folder: Path) -> list[Path]:
    """The files of an archive's manifests; raises ``ProofError`` if there is no such folder."""
    try:
        return sorted(path for path in folder.iterdir() if _MANIFEST.fullmatch(path.name))
    except OSError as error:
        raise ProofError(f"{folder} is no archive that can be read: {error.strerror}.") from error


def read_manifest(path: Path) -> Manifest:
    """Read one; raises ``ProofError``, and ``AlteredArchiveError`` if it is not as it was written."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_MANIFEST + 1)
        given = json.loads(content)
    except OSError as error:
        raise ProofError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise AlteredArchiveError(f"{path} is damaged: it is no JSON.") from error
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise AlteredArchiveError(f"{path} is no manifest of an archive ({FORMAT}).")
    try:
        manifest = Manifest(**given)
        is_right = (
            manifest.name == path.name
            and manifest.content == content
            and all(type(one) is int for one in (manifest.generation, manifest.first, manifest.last, manifest.events))
            and all(isinstance(one, str) for one in (manifest.origin, manifest.made_at, manifest.redacted_at or ""))
            and 0 <= manifest.first <= manifest.last
            and len(bytes.fromhex(manifest.root)) == HASH_BYTES == len(bytes.fromhex(manifest.sha256))
            and parse_ranges(manifest.ids).count == manifest.events
            and manifest.generation >= 1
        )
    except _UNREADABLE:  # ProofError is one
        is_right = False
    if not is_right:
        raise AlteredArchiveError(f"{path} is damaged: it does not say what a manifest of an archive says.")
    return manifest


def lines(folder: Path, manifest: Manifest) -> Iterator[Line]:
    """The lines of one file, in order; raises ``AlteredArchiveError`` where it is not the file of its manifest, and
    ``ProofError`` where there is none.

    The hash of the file is compared first, the root after the last line. Whether each event gives its digest is
    ``Line.holds``.
    """
    path = folder / manifest.file
    try:
        if sha256_of(path) != manifest.sha256:
            raise AlteredArchiveError(
                f"{path} is not the file that {manifest.name} describes: it was changed, or cut short."
            )
        tree = Tree()
        number = manifest.first
        ids = Ranges()
        for line in _read(path):
            if line.index != number:
                raise AlteredArchiveError(f"{path} has leaf {line.index:,} where leaf {number:,} should be.")
            if line.id is not None:
                ids.add(line.id)
            tree.append(line.leaf)
            number += 1
            yield line
    except OSError as error:
        raise ProofError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (EOFError, zlib.error) as error:
        raise AlteredArchiveError(f"{path} is damaged, or cut short.") from error
    if number != manifest.last + 1 or tree.root().hex() != manifest.root or str(ids) != manifest.ids:
        raise AlteredArchiveError(f"{path} does not hold the leaves that {manifest.name} names.")


def find_event(folder: Path, number: int) -> tuple[Manifest, Line] | None:
    """The event with this id, and what it is in; raises ``ProofError`` if the archive is damaged."""
    for manifest in manifests(folder):
        if number in parse_ranges(manifest.ids):
            found = None
            for line in lines(folder, manifest):  # to its end, where the root is compared
                found = line if line.id == number else found
            if found is not None:
                return manifest, found
    return None


def line_of(index: int, number: int, event: Mapping[str, Any]) -> Line:
    """An event's line; the event by column, as an export has it."""
    return Line(index, leaf_hash(bytes.fromhex(event["digest"])), number, event)


def _read(path: Path) -> Iterator[Line]:
    with gzip.open(path, "rb") as file:
        while text := file.readline(LONGEST_LINE + 1):
            if len(text) > LONGEST_LINE:
                raise AlteredArchiveError(f"{path} has a line that is longer than any of an archive.")
            try:
                line = _line(text.removesuffix(b"\n"))
            except _UNREADABLE as error:
                raise AlteredArchiveError(f"{path} has a line that is none of an archive: {text[:60]!r}.") from error
            yield line


def _line(text: bytes) -> Line:
    """A line exactly as it is written: no key twice, none more, each in its part and of its type."""
    told = json.loads(text)
    if canonical(told) != text:
        raise ValueError("It is not the canonical JSON of what it says.")
    index = told["index"]
    if type(index) is not int:
        raise ValueError("Its index is no number.")
    if told.keys() == {"index", "leaf"}:
        return Line(index, _hex(told["leaf"], HASH_BYTES))
    if told.keys() != _EVENT or any(told[part].keys() != names for part, names in _FIELDS.items()):
        raise ValueError("Its parts have other fields than an event's.")
    number, kept, moment = told["id"], told["kept_hashes"], told["redacted_at"]
    if type(number) is not int or not isinstance(moment, str | None):
        raise ValueError("Its id is no number, or its time none.")
    _hex(told["digest"], HASH_BYTES)
    _hex(told["salt"], SALT_BYTES)
    if kept is not None and len(_hex(kept)) not in KEPT_BYTES:
        raise ValueError("What it has kept are no hashes.")
    event = {**told["header"], **told["subject"], **told["payload"]}
    event |= {name: told[name] for name in ("digest", "kept_hashes", "redacted_at", "salt")}
    return line_of(index, number, event)


def _hex(text: str, length: int | None = None) -> bytes:
    found = bytes.fromhex(text)
    if found.hex() != text or (length is not None and len(found) != length):
        raise ValueError("These are not as many bytes in hex as there should be.")
    return found


def sha256_of(path: Path) -> str:
    """The hash of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
