"""Sends an export under ASGI as fast as its reader takes it, and ends one whose reader is too slow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Generator
from typing import Any, Final

from asgiref.sync import sync_to_async

from signal_log.show.export.reader import PIECE, Reader

logger: Final = logging.getLogger(__name__)


class Sending:
    """An async iterator that runs the generator in the request's thread, one chunk at a time, and cuts it in pieces.

    A failed export ends without its last message, as if the client had disconnected: servers then close the connection
    (daphne with ``signal_log.show.paced``), whereas daphne does not handle an error at this point. So does one that
    nobody takes.
    """

    def __init__(self, chunks: Generator[bytes], name: str) -> None:
        self._chunks = chunks
        self._name = name  # what the server's log calls it
        self._rest = memoryview(b"")
        self._waiting: asyncio.TimerHandle | None = None
        self._reader = Reader()
        self._closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._waiting is not None:
            self._waiting.cancel()
        self._reader.has_taken()
        try:
            while not self._rest:
                chunk = await sync_to_async(_next)(self._chunks)
                if chunk is None:
                    break
                self._rest = memoryview(chunk)
        except Exception as error:
            raise asyncio.CancelledError from error
        if not self._rest:
            raise StopAsyncIteration
        piece, self._rest = self._rest[:PIECE], self._rest[PIECE:]
        self._reader.give()
        self._waiting = asyncio.get_running_loop().call_later(self._reader.left(), self._end, asyncio.current_task())
        return bytes(piece)

    def close(self) -> None:
        """End the work, at whatever point it is."""
        self._closed = True  # this may be another thread than the loop's
        self._chunks.close()

    def _end(self, sender: asyncio.Task[Any] | None) -> None:
        if self._closed or sender is None:
            return
        logger.warning("%s has ended: %s.", self._name, self._reader.fault())
        sender.cancel()


def _next(chunks: Generator[bytes]) -> bytes | None:
    return next(chunks, None)  # StopIteration cannot propagate out of a thread
