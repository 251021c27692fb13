"""What a streamed response does while it is iterated and closed belongs to the request's trace.

Only what is current is set, for as long as a part is made: nothing is read ahead, and a file is left to the server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import Token
from functools import partial
from typing import Any, Final

from signal_log.capture.trace.trace import Frame, Trace, current_frame, current_trace

_IDLE: Final[tuple[type, ...]] = (type(iter([])), type(iter(())), type(iter(b"")))
"""Iterators that run nobody's code."""

Tokens = tuple[Token[Trace | None], Token[Frame | None]]


def continue_trace(response: Any) -> None:
    """Have the current trace go on while a streaming response is iterated and closed."""
    trace = current_trace.get()
    if trace is None or not getattr(response, "streaming", False) or getattr(response, "file_to_stream", None):
        return
    work = _Work(trace, current_frame.get())
    parts = getattr(response, "_iterator", None)
    if parts is None or type(parts) in _IDLE:
        return
    response._iterator = _aparts(parts, work) if response.is_async else _parts(parts, work)
    # Django calls these when the client has everything, and when it has gone away; a generator's is among them.
    response._resource_closers[:] = [partial(_close, closer, work) for closer in response._resource_closers]


class _Work:
    """What is current while the response is at work, and what it has left current when it last rested."""

    __slots__ = ("frame", "trace")

    def __init__(self, trace: Trace, frame: Frame | None) -> None:
        self.trace: Trace | None = trace
        self.frame = frame

    def begin(self) -> Tokens:
        return current_trace.set(self.trace), current_frame.set(self.frame)

    def rest(self, tokens: Tokens) -> None:
        self.trace, self.frame = current_trace.get(), current_frame.get()
        current_frame.reset(tokens[1])
        current_trace.reset(tokens[0])

    def failed(self, error: Exception) -> None:
        if self.trace is not None:
            self.trace.gathered.raised(error)


def _parts(parts: Iterator[Any], work: _Work) -> Iterator[Any]:
    try:
        while True:
            tokens = work.begin()
            try:
                part = next(parts)
            except StopIteration:
                return
            except Exception as error:
                work.failed(error)
                raise
            finally:
                work.rest(tokens)
            yield part
    finally:
        tokens = work.begin()
        del parts  # a generator that nobody else holds ends here
        work.rest(tokens)


async def _aparts(parts: AsyncIterator[Any], work: _Work) -> AsyncIterator[Any]:
    try:
        while True:
            tokens = work.begin()
            try:
                part = await anext(parts)
            except StopAsyncIteration:
                return
            except Exception as error:
                work.failed(error)
                raise
            finally:
                work.rest(tokens)
            yield part
    finally:
        tokens = work.begin()
        del parts  # the event loop ends it in a task, which takes over what is current here
        work.rest(tokens)


def _close(close: Callable[[], object], work: _Work) -> None:
    tokens = work.begin()
    try:
        close()
    finally:
        work.rest(tokens)
