"""Appends events to a file, a line each, and has them on the disk before they count as sent."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from signal_log.relay.message import Delivery, Message
from signal_log.relay.settings import Relay
from signal_log.relay.sinks.sentence import sentence

MODE: Final = 0o640


class File:
    """One file; whoever rotates it renames it or removes it, and the next line begins another."""

    most = 500

    def __init__(self, relay: Relay) -> None:
        self._path = relay.path
        self._file = -1

    def send(self, batch: Sequence[Message]) -> Delivery:
        """Append all of them, or none."""
        try:
            file = self._opened()
            _append(file, b"".join(message.body + b"\n" for message in batch))
        except OSError as error:
            self.close()
            return Delivery(problem=sentence("It could not be written", error.strerror or type(error).__name__))
        return Delivery(taken=list(batch))

    def close(self) -> None:
        """Close it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _opened(self) -> int:
        """The file that has the name now: another one than before if it was rotated."""
        if self._file >= 0 and not _is_at(self._file, self._path):
            self.close()
        if self._file < 0:
            self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
            _end_line(self._file)
        return self._file


def _append(file: int, content: bytes) -> None:
    """Write and sync; where the disk is full, the file is again as long as it was."""
    before = os.fstat(file).st_size
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(file, left) :]
        os.fsync(file)
    except OSError:
        os.ftruncate(file, before)
        raise


def _is_at(file: int, path: str) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    ours = os.fstat(file)
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def _end_line(file: int) -> None:
    """A process that was killed may have left half a line; whatever follows is to be one of its own."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        os.write(file, b"\n")
