"""The Iceberg table of an archive: read by parts, and changed so that nothing old is left (no Django).

One file holds one part: 65,536 leaves of a generation, or fewer at its end.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSelector, FileType
from pyiceberg.table import Table

from signal_log.errors import ProofError
from signal_log.seal.archive import AlteredArchiveError, Line
from signal_log.seal.iceberg.columns import GENERATION, NAMES, PART, lines_of, rows_of
from signal_log.seal.iceberg.explained import explained, sentence
from signal_log.seal.iceberg.part import Part, part_name, part_of
from signal_log.seal.iceberg.place import LEAVES, Place, plain_folder, plain_path
from signal_log.seal.iceberg.versions import KINDS, Storage

SECONDS: Final = 5
"""How long storage may take to be reached, and to answer one request."""
RESTORE: Final = (
    "Restore a copy to where the archive was, because an Iceberg table knows its files by their whole paths."
)


@dataclass(slots=True)
class Archive:
    """An archive that is open."""

    place: Place
    table: Table
    left: str = ""
    """Why the storage still has bytes of what was removed, as far as is known; empty if it has none."""

    def parts(self) -> list[Part]:
        """What it holds, in order."""
        with explained(self.place):
            found = [self._part(task.file) for task in self.table.scan().plan_files()]
        return sorted(found, key=lambda one: (one.generation, one.number, one.path))

    def part(self, generation: int, number: int) -> Part | None:
        """One part; None if it is not there."""
        with explained(self.place):
            files = [task.file for task in self.table.scan(row_filter=_only(generation, number)).plan_files()]
        return self._part(files[0]) if files else None

    def _part(self, file: Any) -> Part:
        """A file of the table; a service decides itself where its files are, any other catalog keeps them together."""
        part = part_of(file)
        location = self.table.location()
        if not (self.place.is_rest or part.path.startswith(f"{location}/")):
            raise ProofError(
                f"The archive {self.place.location} names a file that is not below it, {plain_folder(part.path)}: it "
                f"is a copy in which not every path was changed. {RESTORE}"
            )
        return part

    def rows(self, part: Part, names: Iterable[str] = NAMES) -> pa.Table:
        """The rows of a part; raises ``AlteredArchiveError`` if its file is damaged, ``ProofError`` if it is gone."""
        content = self._content(part)
        try:
            found = pq.read_table(pa.BufferReader(content), columns=list(names))
            found.validate(full=True)
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise AlteredArchiveError(f"{part} is damaged: {sentence(error, self.place)}") from error
        if found.num_rows != part.rows or found.column_names != list(names):
            raise AlteredArchiveError(f"{part} does not hold the rows and columns that the table names.")
        return found

    def lines(self, part: Part) -> Iterator[Line]:
        """The leaves of a part, with their events."""
        try:
            yield from lines_of(self.rows(part))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise AlteredArchiveError(f"{part} has a row that is none of an archive.") from error

    def put(self, generation: int, lines: list[Line], *, replaces: bool) -> Part:
        """Write a part, in the place of the one that is there if it ``replaces`` that; on disk before this returns.

        Then nothing of what was replaced is left: neither its file nor a snapshot that knows it.
        """
        number = lines[0].index // LEAVES
        rows = rows_of(generation, lines)
        with explained(self.place, "written"):
            if replaces:
                self.table.overwrite(rows, _only(generation, number))
            else:
                self.table.append(rows)
        part = self.part(generation, number)
        if part is None:
            raise ProofError(
                f"The archive {self.place.location} has taken {part_name(generation, number)} and lost it."
            )
        self._sync(part)
        if replaces:
            self.forget()
        return part

    def forget(self) -> None:
        """Remove what the table does not name any more, and what an interrupted run has left; ``left`` says what stays.

        Only whoever has the archive's lock may: what somebody else is writing is named by nothing yet.
        """
        with explained(self.place, "written"):
            current = self.table.current_snapshot()
            older = [one.snapshot_id for one in self.table.snapshots() if current and one != current]
            if older:
                self.table.maintenance.expire_snapshots().by_ids(older).commit()
            self._remove_unnamed()

    def _remove_unnamed(self) -> None:
        kept = {plain_path(path) for path in (*(part.path for part in self.parts()), *self._metadata())}
        location = self.table.location()
        scheme, bucket, path = urlsplit(location)[:3]
        if scheme == "s3":
            keys = {name.removeprefix(f"{bucket}/") for name in kept}
            left = Storage(self.table.io.properties, bucket, SECONDS).remove_all_but(keys, f"{path.strip('/')}/")
            self.left = str(left or "")
            if left is not None:
                return
        files = self.files
        for one in files.get_file_info(FileSelector(plain_path(location), recursive=True, allow_not_found=True)):
            is_ours = one.type == FileType.File and one.path.endswith(KINDS)
            if is_ours and one.path not in kept:
                files.delete_file(one.path)

    def _metadata(self) -> Iterator[str]:
        """The files of the current snapshot, but for those with rows."""
        snapshot = self.table.current_snapshot()
        if snapshot is not None:
            yield snapshot.manifest_list
            for manifest in snapshot.manifests(self.table.io):
                yield manifest.manifest_path

    @property
    def files(self) -> Any:
        """The file system that the archive is in, as Arrow has it."""
        io: Any = self.table.io
        scheme, host = urlsplit(self.table.location())[:2]
        return io.fs_by_scheme(scheme or "file", host or None)

    def paths(self, parts: Iterable[Part]) -> list[str]:
        """The files of some parts, as that file system names them."""
        return [plain_path(part.path) for part in parts]

    def _content(self, part: Part) -> bytes:
        try:
            with self.table.io.new_input(part.path).open() as file:
                content = bytes(file.read())
        except FileNotFoundError as error:
            raise ProofError(f"{part} is not there, although the table names it. Put it back from a copy.") from error
        except OSError as error:
            raise ProofError(f"{part} cannot be read: {sentence(error, self.place)}") from error
        if len(content) != part.size:
            raise AlteredArchiveError(
                f"{part} has {len(content):,} bytes where the table names {part.size:,}: it was changed, or cut short."
            )
        return content

    def _sync(self, part: Part) -> None:
        """In a folder, have the disk keep all that a part needs; storage has kept it when it has answered."""
        if self.place.folder is None:
            return
        for path in (part.path, self.table.metadata_location, *self._metadata()):
            for each in (Path(plain_path(path)), Path(plain_path(path)).parent):
                handle = os.open(each, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)


def _only(generation: int, number: int) -> str:
    return f"{GENERATION} = {generation} and {PART} = {number}"
