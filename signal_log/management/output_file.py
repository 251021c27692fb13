"""Writes a file that others cannot read, and puts it in its place when it is complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """A file to be written, which becomes ``path`` at the end, and nothing if that fails; its owner alone can read it.

    What can only be written into (a device, a terminal, a named pipe) is, and a link stays a link.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        # Put in its place, a finished file would delete the device.
        with path.open("wb") as out:
            yield out
        return
    path = path.resolve()
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)  # of a run that was killed, or somebody else's with other rights
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def why_not_written(path: Path, error: OSError) -> str:
    """What to tell, in terms of the file that was asked for, not of the one that is to become it."""
    if isinstance(error, FileNotFoundError):
        return f"there is no folder {path.absolute().parent} for {path.name}. Make it first."
    return f"{path}: {error.strerror}" if error.strerror else str(error)
