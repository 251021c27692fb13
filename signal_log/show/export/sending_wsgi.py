"""Sends an export under WSGI, where the server's thread waits for the reader and nothing of ours runs meanwhile.

So a thread of ours watches. It cannot end what the server waits for, but it gives the place to others; if the reader
ever takes the piece, the export ends there, as one whose reader has left.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from threading import Event, Thread
from typing import Final

from signal_log.show.export.reader import PIECE, Reader

logger: Final = logging.getLogger(__name__)


class ReaderTooSlowError(Exception):
    """The export ends unfinished, and so does its connection."""


class Watch:
    """Looks from a thread of its own whether a reader takes what it is given."""

    def __init__(self, name: str, release: Callable[[], object]) -> None:
        self._name = name
        self._release = release
        self._reader = Reader()
        self._ended = Event()
        self._too_slow = False
        Thread(target=self._look, name="signal_log export's reader", daemon=True).start()

    def give(self) -> None:
        """The reader has a piece to take from now on."""
        self._reader.give()

    def has_taken(self) -> None:
        """It took it; raises ``ReaderTooSlowError`` if that was too late."""
        if self._too_slow or self._reader.left() <= 0:
            self._give_up()
            raise ReaderTooSlowError(f"{self._name} has ended.")
        self._reader.has_taken()

    def end(self) -> None:
        """There is nothing to watch any more."""
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(self._reader.left()):
            if self._reader.left() <= 0:
                self._give_up()
                return

    def _give_up(self) -> None:
        if not self._too_slow:
            self._too_slow = True
            logger.warning("%s has ended: %s.", self._name, self._reader.fault())
            self._release()


def sent(chunks: Generator[bytes], name: str, release: Callable[[], object]) -> Generator[bytes]:
    """The chunks in pieces; ``release`` gives the export's place back."""
    watch = Watch(name, release)
    try:
        for chunk in chunks:
            for at in range(0, len(chunk), PIECE):
                watch.give()
                yield chunk[at : at + PIECE]
                watch.has_taken()
    finally:
        watch.end()
        chunks.close()
