"""Traces, drafts and causes: what is known of a signal while it fires, in plain Python.

A trace numbers its events when they open, so causes come before effects. While a receiver runs, the
current frame says inside which event and which receiver, and the next event takes that as its cause.
"""

from __future__ import annotations

import itertools
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from signal_log.event import COMMITTED, PRE_SAVE, Changes, Event


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, as plain text: the key of the account and its name then."""

    pk: str = ""
    name: str = ""


NOBODY = Actor()


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a trace began: the request's facts, or nothing; the actor is asked when an event is written."""

    source: str
    request_id: str = ""
    method: str = ""
    path: Callable[[], str] = str
    remote_addr: str = ""
    actor: Callable[[], Actor] = lambda: NOBODY
    labels: Mapping[str, Any] = field(default_factory=dict)


class Trace:
    """All events of one request, command, task or shell statement."""

    __slots__ = ("_count", "_id", "scene")

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._id: uuid.UUID | None = None
        self._count = itertools.count(1)

    @property
    def trace_id(self) -> uuid.UUID:
        """Made when it is first asked for: most requests write nothing."""
        if self._id is None:
            self._id = new_trace_id()
        return self._id

    def in_scene(self, scene: Scene) -> Trace:
        """The same trace, its next events in another scene."""
        view = Trace(scene)
        view._id = self.trace_id
        view._count = self._count
        return view

    def next_position(self) -> int:
        """The number of the event that opens now, from 1."""
        return next(self._count)


def new_trace_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): milliseconds, then chance, so that new traces lie side by side in the index."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return uuid.UUID(int=value & ~(0xF000 << 64 | 0xC000 << 48) | 0x7000 << 64 | 0x8000 << 48)


@dataclass(frozen=True, slots=True)
class Frame:
    """A receiver at work: the position of the event it was called for, and its dotted path."""

    position: int
    receiver: str


current_trace: ContextVar[Trace | None] = ContextVar("signal_log_trace", default=None)
current_frame: ContextVar[Frame | None] = ContextVar("signal_log_frame", default=None)


@contextmanager
def trace_of(scene: Callable[[], Scene]) -> Iterator[Trace]:
    """The trace under way, or a new one for the time of the block."""
    trace = current_trace.get()
    if trace is not None:
        yield trace
        return
    trace = Trace(scene())
    token = current_trace.set(trace)
    try:
        yield trace
    finally:
        current_trace.reset(token)


@contextmanager
def new_trace(scene: Scene) -> Iterator[Trace]:
    """A trace of its own for the block, whatever is under way around it."""
    trace = Trace(scene)
    token, frame = current_trace.set(trace), current_frame.set(None)
    try:
        yield trace
    finally:
        current_frame.reset(frame)
        current_trace.reset(token)


@dataclass(slots=True, eq=False)
class Draft:
    """An event that is still open or not yet settled; ``freeze`` makes the value that travels."""

    trace: Trace
    position: int
    frame: Frame | None
    signal: str
    sender: str
    object_pk: str
    object_repr: str
    created: bool | None
    raw: bool
    using: str
    update_fields: list[str] | None
    origin: dict[str, Any] | None
    changes: Changes
    operation: int
    call_site: str
    occurred_at: datetime
    started_ns: int
    actor: Actor = NOBODY
    receivers: list[dict[str, Any]] = field(default_factory=list)
    duration_us: int | None = None
    awaits_post: bool = False
    outcome: str | None = None
    error: str = ""
    written_at: int | None = None
    opened_for: object = None
    """The object of a pre event that has no operation to wait in."""

    @property
    def is_decided(self) -> bool:
        """Whether its receivers are done and, before a save, the save has finished or failed."""
        return self.duration_us is not None and not (self.awaits_post and self.signal == PRE_SAVE)

    def freeze(self, process: str, salt: bytes) -> Event:
        """The event as it stands; an undecided outcome counts as committed, for it is written with the commit."""
        trace, frame, scene = self.trace, self.frame, self.trace.scene
        # Token authentication tells late, so it is asked now; a log-out since then takes nothing back.
        actor = self.actor if self.actor.pk else scene.actor()
        return Event(
            self.signal, self.sender, self.object_pk, self.object_repr, self.created, self.raw, self.using,
            self.update_fields,
            {"labels": dict(scene.labels)} if self.origin is None and scene.labels else self.origin,
            self.changes, self.receivers, self.duration_us, trace.trace_id, self.position,
            frame.position if frame else None, self.operation, frame.receiver if frame else "",
            self.outcome or COMMITTED, self.error, actor.pk, actor.name, scene.source, scene.request_id, scene.method,
            scene.path(), scene.remote_addr, self.call_site, self.occurred_at, process, salt,
        )  # fmt: skip
