"""Snapshots of trees: one file each, in a folder ``__signal_log__`` beside the test."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path
from typing import Final

FOLDER: Final = "__signal_log__"
_NAME: Final = re.compile(r"[\w-][\w .-]*")
_written: Final[dict[Path, str]] = {}
"""What this process has written, so that two tests do not overwrite each other's."""
noted: Final[list[str]] = []
"""What was done, a hash of the text, and the file, for whoever prints it and clears this."""
DIFFERENTLY: Final = "Two tests write the snapshot {name!r} differently; give each a name of its own."


class Snapshots:
    """Those of one test file; with ``update`` they are rewritten instead of compared."""

    def __init__(self, test_file: Path, accept: str, *, update: bool = False) -> None:
        self.folder = test_file.parent / FOLDER / test_file.stem
        self.accept = accept
        """The command that accepts what fired."""
        self.update = update

    def path(self, name: str) -> Path:
        """The file of a snapshot."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"A snapshot's name has letters, digits, spaces, '.', '-' and '_', not {name!r}.")
        return self.folder / f"{name}.txt"

    def shown_path(self, name: str) -> str:
        """Its path as it is typed from here."""
        return os.path.relpath(self.path(name))

    def read(self, name: str) -> str | None:
        """Its text; None if there is none."""
        try:
            return self.path(name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> None:
        """Accept this text, and note what that changed."""
        path, before = self.path(name), self.read(name)
        if _written.setdefault(path, text) != text:
            raise AssertionError(DIFFERENTLY.format(name=name))
        done = "new" if before is None else "unchanged" if before == text else "changed"
        noted.append(f"{done}  {sha256(text.encode()).hexdigest()}  {path}")
        if before != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
