"""An event from the moment its signal opens until it is written, in plain Python.

A ``Scene`` is what the events of one operation share; a ``Draft`` is one event. The fields of ``Event`` are listed
once, there: a draft takes their defaults, and ``_SOURCES`` names only those that are found elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final

from signal_log.capture.trace.gathered import in_use
from signal_log.capture.trace.outer_span import LABEL
from signal_log.capture.trace.trace import Frame, Trace
from signal_log.event import COMMITTED, FAILED, Changes, Event
from signal_log.seal.canonical import SALT_BYTES


class Scene:
    """What the events of one operation share: their trace and cause, the class, the database and the caller."""

    __slots__ = (
        "actor", "actor_pk", "actor_repr", "call_site", "caused_by", "frame", "labels", "parent_position", "path",
        "raw", "sender", "trace", "update_fields", "using",
    )  # fmt: skip

    def __init__(self, trace: Trace, frame: Frame | None, sender: str, using: str, call_site: str) -> None:
        self.trace = trace
        self.frame = frame
        self.parent_position = frame.position if frame is not None else None
        self.caused_by = frame.receiver if frame is not None else ""
        self.sender = sender
        self.using = using
        self.call_site = call_site
        self.raw = False
        self.update_fields: list[str] | None = None
        self.actor = trace.context.actor()

    def resolve(self) -> None:
        """Look up what is known of the request by now: token authentication runs late.

        A logout in the meantime does not clear the actor.
        """
        context = self.trace.context
        actor = context.actor_since(self.actor)
        self.actor_pk, self.actor_repr = actor.pk, actor.name
        self.path = context.path()
        self.labels = dict(context.labels) if context.labels else None
        if (outer := self.trace.gathered.outer_span) is not None:
            self.labels = {LABEL: outer.hex, **(self.labels or {})}


watching: ContextVar[tuple[list[Draft], ...]] = ContextVar("signal_log_watching", default=())
"""Lists that get each event of this context when it opens: a test's, whose transaction never commits."""
watchers: Final = [0]
"""How many there are in the whole process: asking the context costs each event more than asking this."""


class Draft:
    """One event that is not written yet, or whose outcome may still change."""

    object_pk: str
    object_repr: str
    created: bool | None
    origin: dict[str, Any] | None
    changes: Changes
    overwrote: list[str] | None
    error: str
    process: str = ""
    salt: bytes
    outcome: str | None = None
    """None until the transaction decides."""
    awaits_post: bool = False
    """Whether the operation of this pre event is still running."""
    written_at: int | None = None

    def __init__(self, scene: Scene, signal: str, occurred_at: datetime, operation: int | None = None) -> None:
        self.scene = scene
        self.signal = signal
        self.position = position = scene.trace.next_position()
        self.operation = position if operation is None else operation
        self.occurred_at = occurred_at
        scene.trace.gathered.count(is_first=operation is None, is_silent=signal.startswith("silent_"))
        if in_use[0] and operation is None and (deeper := scene.trace.gathered.deeper) is not None:
            deeper.opened(position)
        if watchers[0]:
            for opened in watching.get():
                opened.append(self)

    @property
    def using(self) -> str:
        """The database of the change."""
        return self.scene.using

    def withdraw(self) -> None:
        """Take back the event of a statement that has changed no row: nothing fired."""
        self.scene.trace.gathered.discount_silent()
        for opened in watching.get():
            if self in opened:
                opened.remove(self)

    def fail(self, error: str) -> None:
        """Mark the event as failed, with the exception's text."""
        self.awaits_post, self.outcome, self.error = False, FAILED, error
        self.scene.trace.gathered.failed += 1


for _name, _default in Event._field_defaults.items():
    if not hasattr(Draft, _name):
        setattr(Draft, _name, _default)

_SHARED: Final = (
    "sender", "raw", "using", "update_fields", "labels", "parent_position", "caused_by", "actor_pk", "actor_repr",
    "path", "call_site",
)  # fmt: skip
_SOURCES: Final = {
    **{name: f"scene.{name}" for name in _SHARED},
    **{name: f"context.{name}" for name in ("source", "request_id", "method", "remote_addr")},
    "trace_id": "trace_id",
    "outcome": f"draft.outcome or {COMMITTED!r}",
    "process": "process",
    "salt": "salt",
}
"""Where a field of ``Event`` is found, unless it is an attribute of the draft itself."""

_FOUND: Final = ", ".join(_SOURCES.get(name, f"draft.{name}") for name in Event._fields)
# A list display of our own names: an ``attrgetter`` of them, and what it leaves to do, takes several times as long.
_values: Final = eval(f"lambda draft, scene, context, trace_id, process, salt: [{_FOUND}]")  # noqa: S307


def values_of(drafts: Sequence[Draft], process: str) -> list[list[Any]]:
    """The drafts as the values of events, in the order of ``Event``'s fields, each with its own salts.

    An undecided outcome counts as committed, because it is written with the commit.
    """
    salts = os.urandom(SALT_BYTES * len(drafts))
    events: list[list[Any]] = []
    scene = context = trace_id = None
    for number, draft in enumerate(drafts):
        if draft.scene is not scene:
            scene = draft.scene
            scene.resolve()
            context, trace_id = scene.trace.context, scene.trace.trace_id
        salt = salts[number * SALT_BYTES : (number + 1) * SALT_BYTES]
        events.append(_values(draft, scene, context, trace_id, process, salt))
    return events
