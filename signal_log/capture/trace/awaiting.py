"""Finds the coroutines that wait for the thread in which the ORM works: there, no frame is an async view's own.

asgiref runs synchronous code of a task in a thread, and both ends hold the same list: ``task_context``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any, Final

from asgiref.sync import SyncToAsync

IN_THREAD: Final[CodeType] = SyncToAsync.thread_handler.__code__
_IN_TASK: Final[CodeType] = SyncToAsync.__call__.__code__
_SHARED: Final = "task_context"
MOST_TASKS: Final = 100
"""Where there are more, as on a busy server, none is asked."""
DEEPEST: Final = 200


class Awaiting:
    """Remembers the task that it is made in, or the one that it found last: a request mostly has one."""

    def __init__(self) -> None:
        self._task = asyncio.current_task() if asyncio._get_running_loop() is not None else None

    def frames(self, thread_handler: FrameType) -> list[FrameType]:
        """The frames of the coroutines that await what this frame runs, outermost first; none if they are not found."""
        held = thread_handler.f_locals
        shared, loop = held.get(_SHARED), held.get("loop")
        if shared is None or loop is None:
            return []
        if self._task is not None and (frames := _frames_of(self._task, shared)):
            return frames
        for task in _tasks(loop):
            if frames := _frames_of(task, shared):
                self._task = task
                return frames
        return []


def _tasks(loop: Any) -> list[asyncio.Task[Any]]:
    found = list(asyncio.all_tasks(loop))
    return found if len(found) <= MOST_TASKS else []


def _frames_of(task: asyncio.Task[Any], shared: Any) -> list[FrameType]:
    frames = list(_awaited(task.get_coro()))
    while frames:
        frame = frames.pop()
        if frame.f_code is _IN_TASK:
            return frames if frame.f_locals.get(_SHARED) is shared else []
    return []


def _awaited(coroutine: Any) -> Iterator[FrameType]:
    """The frames of a coroutine and of what it awaits, outermost first."""
    for _ in range(DEEPEST):
        if (frame := getattr(coroutine, "cr_frame", None)) is not None:
            coroutine, inner = coroutine.cr_await, frame
        elif (frame := getattr(coroutine, "gi_frame", None)) is not None:
            coroutine, inner = coroutine.gi_yieldfrom, frame
        elif (frame := getattr(coroutine, "ag_frame", None)) is not None:
            coroutine, inner = coroutine.ag_await, frame
        else:
            return
        yield inner
