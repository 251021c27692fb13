"""Traces, drafts and causes: what is known of a signal while it fires, in plain Python.

A trace numbers its events when they open, so causes come before effects. While a receiver runs, the
current frame says inside which event and which receiver, and the next event takes that as its cause.
"""

from __future__ import annotations

import itertools
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
            self._id = uuid.uuid4()
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
    undo: Callable[[], None] | None = None
    written_at: int | None = None
    opened_for: object = None
    """The object of a pre event that has no operation to wait in."""

    @property
    def is_decided(self) -> bool:
        """Whether its receivers are done and, before a save, the save has finished or failed."""
        return self.duration_us is not None and not (self.awaits_post and self.signal == PRE_SAVE)

    def freeze(self, process: str, salt: bytes) -> Event:
        """The event as it stands; an undecided outcome counts as committed, for it is written with the commit."""
        scene = self.trace.scene
        # Token authentication tells late, so it is asked now; a log-out since then takes nothing back.
        actor = self.actor if self.actor.pk else scene.actor()
        return Event(
            signal=self.signal,
            sender=self.sender,
            object_pk=self.object_pk,
            object_repr=self.object_repr,
            created=self.created,
            raw=self.raw,
            using=self.using,
            update_fields=self.update_fields,
            origin={"labels": dict(scene.labels)} if self.origin is None and scene.labels else self.origin,
            changes=self.changes,
            receivers=self.receivers,
            duration_us=self.duration_us,
            trace_id=self.trace.trace_id,
            position=self.position,
            parent_position=self.frame.position if self.frame else None,
            operation=self.operation,
            caused_by=self.frame.receiver if self.frame else "",
            outcome=self.outcome or COMMITTED,
            error=self.error,
            actor_pk=actor.pk,
            actor_repr=actor.name,
            source=scene.source,
            request_id=scene.request_id,
            method=scene.method,
            path=scene.path(),
            remote_addr=scene.remote_addr,
            call_site=self.call_site,
            occurred_at=self.occurred_at,
            process=process,
            salt=salt,
        )
