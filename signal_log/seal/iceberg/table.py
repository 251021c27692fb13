"""The Iceberg table of an archive: opened, made, read by parts, and changed so that nothing old is left (no Django).

One file holds one part: 65,536 leaves of a generation, or fewer at its end. The table's properties name the log.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSelector, FileType
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.io import load_file_io
from pyiceberg.table import Table

from signal_log.errors import ProofError
from signal_log.seal.archive import AlteredArchiveError, Line
from signal_log.seal.iceberg.columns import (
    BOUNDED,
    COLUMNS,
    GENERATION,
    NAMES,
    PART,
    lines_of,
    partitions,
    rows_of,
    schema,
)
from signal_log.seal.iceberg.explained import explained, sentence
from signal_log.seal.iceberg.place import LEAVES, NAMESPACE, Place, plain_folder
from signal_log.seal.iceberg.versions import KINDS, Storage

FORMAT: Final = "signal_log.iceberg/1"
FORMAT_PROPERTY: Final = "signal_log.format"
LOG_PROPERTY: Final = "signal_log.log"
NAME: Final = "events"
ROWS_A_GROUP: Final = 8_192
"""A reader that looks for a few rows reads so many at once."""
SECONDS: Final = 5
"""How long storage may take to be reached, and to answer one request."""

AUTHORITY: Final = "PYICEBERG_CATALOG__SIGNAL_LOG__OAUTH2_SERVER_URI"
"""In the environment, where a REST catalog's tokens are another service's."""

_RESTORE: Final = (
    "Restore a copy to where the archive was, because an Iceberg table knows its files by their whole paths."
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PROPERTIES: Final = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "write.parquet.row-group-limit": str(ROWS_A_GROUP),
    "write.target-file-size-bytes": str(8 * 1024**3),  # a part is one file
    "write.metadata.metrics.default": "none",
    **{f"write.metadata.metrics.column.{name}": "full" for name in BOUNDED},
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "5",
    "commit.manifest-merge.enabled": "true",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the table."""

    generation: int
    number: int
    rows: int
    path: str
    """Of its file."""
    size: int
    """The file's, in bytes."""
    low: int
    high: int
    """The least and the largest id of its events; 0 and 0 if it has none, or that is not known."""
    earliest: datetime | None = None
    latest: datetime | None = None
    """When the first and the last of its events happened; None if that is not known."""

    @property
    def first(self) -> int:
        """Its first leaf."""
        return self.number * LEAVES

    @property
    def last(self) -> int:
        """Its last leaf."""
        return self.first + self.rows - 1

    @property
    def name(self) -> str:
        """What events of the log call it, behind the archive's place."""
        return part_name(self.generation, self.number)

    def __str__(self) -> str:
        """For sentences."""
        return f"{self.path.removeprefix('file://')} (leaves {self.first:,} to {self.last:,})"


def part_name(generation: int, number: int) -> str:
    """What events of the log call a part."""
    return f"g{generation}-{number * LEAVES}"


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
        part = _part(file)
        location = self.table.location()
        if not (self.place.is_rest or part.path.startswith(f"{location}/")):
            raise ProofError(
                f"The archive {self.place.location} names a file that is not below it, {plain_folder(part.path)}: it "
                f"is a copy in which not every path was changed. {_RESTORE}"
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
        kept = {_plain(path) for path in (*(part.path for part in self.parts()), *self._metadata())}
        location = self.table.location()
        scheme, bucket, path = urlsplit(location)[:3]
        if scheme == "s3":
            keys = {name.removeprefix(f"{bucket}/") for name in kept}
            left = Storage(self.table.io.properties, bucket, SECONDS).remove_all_but(keys, f"{path.strip('/')}/")
            self.left = str(left or "")
            if left is not None:
                return
        files = self.files
        for one in files.get_file_info(FileSelector(_plain(location), recursive=True, allow_not_found=True)):
            is_ours = one.type == FileType.File and one.path.endswith(KINDS)
            if is_ours and _same(one.path) not in kept:
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
        return [_plain(part.path) for part in parts]

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
            for each in (Path(_plain(path)), Path(_plain(path)).parent):
                handle = os.open(each, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)


def open_table(place: Place, names: Sequence[str], *, make: bool) -> Archive:
    """The archive of this log at a place; raises ``ProofError`` if it is of another log, or there is none."""
    folder = place.folder
    if folder is not None:
        if make:
            with explained(place, "written"):
                folder.mkdir(0o700, parents=True, exist_ok=True)
        elif not folder.is_dir():
            raise ProofError(f"There is no archive in {folder}: there is no such folder.")
    if not make and place.catalog_file is not None and not place.catalog_file.exists():
        raise ProofError(_none_in(place))  # to look would make the file
    with explained(place):
        catalog = _catalog(place)
        try:
            table = catalog.load_table((NAMESPACE, NAME))
        except (NoSuchTableError, NoSuchNamespaceError):
            if not make:
                raise ProofError(_none_in(place)) from None
            table = _made(catalog, place, names[-1])
    _must_be_ours(table, place, names)
    _must_be_here(table, place)
    return Archive(place, table)


def _none_in(place: Place) -> str:
    return f"There is no archive in {place.location}. `signal_archive` makes one."


def _catalog(place: Place) -> Catalog:
    options: dict[str, str] = {
        "type": "rest" if place.is_rest else "sql",
        "uri": place.catalog,
        "warehouse": place.options.get("warehouse", place.warehouse),
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
        "s3.connect-timeout": str(SECONDS),
        "s3.request-timeout": str(SECONDS),
        "rest.session-timeout": str(SECONDS),
    }
    if "endpoint" in place.options:
        options["s3.endpoint"] = place.options["endpoint"]
        options["s3.region"] = place.options.get("region", "us-east-1")
        options["s3.force-virtual-addressing"] = "false"
    elif "region" in place.options:
        options["s3.region"] = place.options["region"]
    if not place.is_rest:
        return load_catalog("signal_log", **options)
    if AUTHORITY not in os.environ:
        options["oauth2-server-uri"] = f"{place.catalog.rstrip('/')}/v1/oauth/tokens"
    # By this name pyiceberg finds the service's secrets in the environment, in PYICEBERG_CATALOG__SIGNAL_LOG__….
    return load_catalog("signal-log", **options)


def _made(catalog: Catalog, place: Place, log: str) -> Table:
    with suppress(NamespaceAlreadyExistsError):
        catalog.create_namespace(NAMESPACE)
    properties = {**_PROPERTIES, FORMAT_PROPERTY: FORMAT, LOG_PROPERTY: log}
    location = None if place.is_rest else f"{place.warehouse}/{NAMESPACE}/{NAME}"
    if location is not None:
        _must_be_free(catalog, place, location)
    try:
        return catalog.create_table((NAMESPACE, NAME), schema(), location, partitions(), properties=properties)
    except TableAlreadyExistsError:  # made meanwhile
        return catalog.load_table((NAMESPACE, NAME))


def _must_be_ours(table: Table, place: Place, names: Sequence[str]) -> None:
    held, form = (table.properties.get(name) for name in (LOG_PROPERTY, FORMAT_PROPERTY))
    if form != FORMAT or held is None:
        raise ProofError(
            f"The table {NAMESPACE}.{NAME} in {place.location} is no archive of a log ({FORMAT}): give another place."
        )
    if held not in names:
        raise ProofError(
            f"The archive {place.location} is of another log, {held}; this one is {names[-1]}. Give each log its own."
        )
    fields = [(one.name, one.field_type) for one in table.schema().fields]
    if fields != [*COLUMNS]:
        raise ProofError(f"The table in {place.location} has other columns than an archive: somebody has changed it.")


def _must_be_here(table: Table, place: Place) -> None:
    """Refuse a copy, whose paths are still the original's: that one would be read, written and cleared of files."""
    home, _, name = table.location().rpartition(f"/{NAMESPACE}/")
    if place.is_rest or (place.is_at(home) and name == NAME):
        return
    there = plain_folder(home or table.location())
    raise ProofError(
        f"The catalog of {place.location} says that this log's archive is in {there}. Give that place. If "
        f"{place.location} is a copy, or was moved: {_RESTORE[0].lower()}{_RESTORE[1:]} An archive in another place "
        "needs a catalog of its own."
    )


def _must_be_free(catalog: Catalog, place: Place, location: str) -> None:
    """Refuse a place in which another catalog has a table, whose files would be removed as named by nothing."""
    split = urlsplit(location)
    io: Any = load_file_io(catalog.properties, location)
    files = io.fs_by_scheme(split.scheme or "file", split.netloc or None)
    found = files.get_file_info(FileSelector(f"{_plain(location)}/metadata", allow_not_found=True))
    if any(one.path.endswith(".metadata.json") for one in found):
        raise ProofError(
            f"There is an archive in {place.location} already, which the catalog that was given does not know: it is "
            "another catalog's. Give that one (catalog=), or another place."
        )


def _only(generation: int, number: int) -> str:
    return f"{GENERATION} = {generation} and {PART} = {number}"


def _part(file: Any) -> Part:
    generation, number = file.partition[0], file.partition[1]
    (low, high), moments = _bounds(file, "id"), _bounds(file, "occurred_at")
    earliest, latest = (None if one is None else _EPOCH + timedelta(microseconds=one) for one in moments)
    found = generation, number, file.record_count, file.file_path, file.file_size_in_bytes
    return Part(*found, low or 0, high or 0, earliest, latest)


def _bounds(file: Any, name: str) -> tuple[int | None, int | None]:
    """The least and the largest number in a column of a file; None where that is not told."""
    at = NAMES.index(name) + 1
    low, high = (
        int.from_bytes(bounds[at], "little", signed=True) if bounds and at in bounds else None
        for bounds in (file.lower_bounds, file.upper_bounds)
    )
    return low, high


def _plain(path: str) -> str:
    """A path as file systems have it: of a folder without a scheme, in storage with the bucket and without a scheme."""
    split = urlsplit(path)
    if split.scheme in ("", "file"):
        return unquote(split.path) if split.scheme else path
    return f"{split.netloc}{split.path}"


def _same(path: str) -> str:
    return path if path.startswith("/") else path.lstrip("/")
