"""Archives of either kind as a redaction has them: files with lines, each of which can be written anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from signal_log.errors import ProofError
from signal_log.seal import archive, archive_writing
from signal_log.seal.archive import Line, Manifest

if TYPE_CHECKING:
    from signal_log.seal.iceberg.part import Part
    from signal_log.seal.iceberg.table import Archive


class File(Protocol):
    """One file of an archive."""

    @property
    def name(self) -> str:
        """What events of the log call it."""

    def lines(self) -> Iterator[Line]:
        """Its leaves, in order; raises ``ProofError``."""

    def rewrite(self, lines: list[Line], at: str) -> dict[str, str]:
        """Put other lines of the same leaves in their place, on disk before this returns; what an event tells of it.

        Raises ``OSError`` or ``ProofError``.
        """


class Files(Protocol):
    """An archive."""

    def files(self) -> Iterator[File]:
        """All of it; raises ``ProofError`` where it is damaged."""

    def clean(self) -> None:
        """Remove what an interrupted run has left."""

    def left(self) -> str:
        """Why bytes of what was removed are still there, in a sentence; empty if they are not."""


class FolderFile(NamedTuple):
    """A manifest of ``signal_prune`` and its file of lines."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        return str(self.folder / self.manifest.name)

    def lines(self) -> Iterator[Line]:
        return archive.lines(self.folder, self.manifest)

    def rewrite(self, lines: list[Line], at: str) -> dict[str, str]:
        return archive_writing.rewrite(self.folder, self.manifest, lines, at).hashes


class Folder(NamedTuple):
    """An archive of ``signal_prune``."""

    path: Path

    def files(self) -> Iterator[FolderFile]:
        return (FolderFile(self.path, manifest) for manifest in archive.manifests(self.path))

    def clean(self) -> None:
        archive_writing.remove_leftovers(self.path)

    def left(self) -> str:
        return ""

    def must_be_of(self, origins: Sequence[str]) -> None:
        """Raise ``ProofError`` if a file is of another log."""
        for manifest in archive.manifests(self.path):
            if manifest.origin not in origins:
                raise ProofError(f"{self.path / manifest.name} is of another log, {manifest.origin}.")


class TableFile(NamedTuple):
    """A part of an Iceberg table."""

    archive: Archive
    part: Part

    @property
    def name(self) -> str:
        return f"{self.archive.place.location}/{self.part.name}"

    def lines(self) -> Iterator[Line]:
        return self.archive.lines(self.part)

    def rewrite(self, lines: list[Line], at: str) -> dict[str, str]:
        self.archive.put(self.part.generation, lines, replaces=True)
        return {}


class Table(NamedTuple):
    """An archive of ``signal_archive``."""

    archive: Archive

    def files(self) -> Iterator[TableFile]:
        return (TableFile(self.archive, part) for part in self.archive.parts())

    def clean(self) -> None:
        self.archive.forget()

    def left(self) -> str:
        return f"of the archive {self.archive.place.location}, {self.archive.left}" if self.archive.left else ""
