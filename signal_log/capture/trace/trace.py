"""Traces and frames: where a signal fires, and because of what, in plain Python.

A trace numbers its events as they open, so that causes come before effects. While a receiver runs, the current frame
identifies its event and the receiver, and the next event takes that as its cause.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from signal_log import clock
from signal_log.capture.trace.gathered import Gathered


@dataclass(frozen=True, slots=True)
class Actor:
    """The actor as plain text: the user's key, and name at the time."""

    pk: str = ""
    name: str = ""


NOBODY = Actor()

ActorState = tuple[object, object, int]
"""Two objects, told from others by being the same, and a number."""
UNCHANGED: Final[ActorState] = (None, None, 0)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Where a trace began: its source, any request data, and the actor, which is resolved when an event is written."""

    source: str
    request_id: str = ""
    method: str = ""
    path: Callable[[], str] = str
    remote_addr: str = ""
    actor: Callable[[], Actor] = lambda: NOBODY
    actor_state: Callable[[], ActorState] = lambda: UNCHANGED
    """Something else than before whenever ``actor`` may answer otherwise: much cheaper to ask."""
    labels: Mapping[str, Any] = field(default_factory=dict)

    def actor_since(self, opened: Actor) -> Actor:
        """Who acted, asked again when an event is written: tokens are read late, and a name may come to be known.

        A log-out in the meantime does not clear the actor, and another log-in does not change it.
        """
        if opened.pk and opened.name:
            return opened
        now = self.actor()
        return now if not opened.pk or now.pk == opened.pk else opened


SHELL: Final = "shell"
"""The source of statements in a shell, whose traces are kept although nobody opened them."""


class Trace:
    """All events of one request, command, task or shell statement."""

    __slots__ = ("_id", "context", "gathered", "next_position")

    def __init__(self, context: TraceContext) -> None:
        self.context = context
        self.gathered = Gathered()
        self._id = ""
        self.next_position: Callable[[], int] = itertools.count(1).__next__
        """The position of the event that opens now, from 1."""

    @property
    def trace_id(self) -> str:
        """The text of a UUID, created on first access, because most requests write nothing."""
        if not self._id:
            self._id = new_trace_id()
        return self._id

    def with_context(self, context: TraceContext) -> Trace:
        """A view of the same trace whose next events have another context."""
        view = Trace(context)
        view._id = self.trace_id
        view.next_position = self.next_position
        view.gathered = self.gathered
        return view


_joins: Final[list[Callable[[Trace], None]]] = []


def join_with(join: Callable[[Trace], None]) -> None:
    """Have this told of each trace that begins, but those of requests and tasks, which know more of themselves."""
    _joins.append(join)


def lone_trace(context: TraceContext) -> Trace:
    """The trace of an operation that nobody has opened one for."""
    trace = Trace(context)
    for join in _joins:
        join(trace)
    return trace


def new_trace_id() -> str:
    """A version 7 UUID (RFC 9562): milliseconds, then random bits, so that new traces are adjacent in the index."""
    digits = f"{clock.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-7{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


@dataclass(slots=True)
class Frame:
    """A running receiver: the position of the event it was called for, its dotted path, and its queries so far.

    ``inner_us`` is the time of the receivers that it caused to run.
    """

    position: int
    receiver: str
    queries: int = 0
    inner_us: int = 0


current_trace: ContextVar[Trace | None] = ContextVar("signal_log_trace", default=None)
current_frame: ContextVar[Frame | None] = ContextVar("signal_log_frame", default=None)


class Keeper(Protocol):
    """Takes what traces gather, for telemetry; never raises."""

    def take_calls(self, trace: Trace) -> None:
        """A running trace has many calls."""

    def take_ended(self, trace: Trace) -> None:
        """A trace has ended that is to be kept. It may end again, with more, if its response is streamed."""

    def take_unkept(self, trace: Trace) -> None:
        """A trace has ended that is kept only if a session has begun that records it: time to look for one."""

    def write_kept(self) -> None:
        """Write what is kept but not written; opens the connection if necessary."""

    def enqueued(self, trace: Trace, task: str) -> None:
        """A recorded trace has enqueued the task of this id."""

    def sessions_of_task(self, task: str) -> tuple[int, ...]:
        """The recorded sessions that have enqueued it."""


_keepers: Final[list[Keeper]] = []


def keep_with(keeper: Keeper | None) -> None:
    """Hand what traces gather to this keeper from now on (None: discard it)."""
    _keepers[:] = [] if keeper is None else [keeper]


def end_trace(trace: Trace) -> None:
    """Called by whoever opened the trace, when it is over and the host's work is done."""
    gathered = trace.gathered
    if gathered.calls or (
        gathered.events and (not gathered.lone or gathered.sessions or trace.context.source == SHELL)
    ):
        for keeper in _keepers:
            keeper.take_ended(trace)
    else:
        for keeper in _keepers:
            keeper.take_unkept(trace)


def calls_are_due(trace: Trace) -> None:
    """A running trace has gathered so many calls that they are handed over before it ends."""
    for keeper in _keepers:
        keeper.take_calls(trace)


def write_kept() -> None:
    """Write what is kept but not written, in a thread in which queries can be made."""
    for keeper in _keepers:
        keeper.write_kept()


def enqueued(trace: Trace, task: str) -> None:
    """A recorded trace has enqueued a task whose message has no room for its sessions."""
    for keeper in _keepers:
        keeper.enqueued(trace, task)


def sessions_of_task(task: str) -> tuple[int, ...]:
    """The recorded sessions to which such a task belongs, as it begins."""
    return tuple(session for keeper in _keepers for session in keeper.sessions_of_task(task))


@contextmanager
def ensure_trace(context: Callable[[], TraceContext], *, lone: bool = True) -> Iterator[Trace]:
    """The current trace, or a new one for the duration of the block."""
    trace = current_trace.get()
    if trace is not None:
        yield trace
        return
    with _running(Trace(context()), lone=lone) as trace:
        yield trace


@contextmanager
def new_trace(context: TraceContext) -> Iterator[Trace]:
    """A new trace for the block, whether or not one is current."""
    frame = current_frame.set(None)
    try:
        with _running(Trace(context), lone=False) as trace:
            yield trace
    finally:
        current_frame.reset(frame)


@contextmanager
def _running(trace: Trace, *, lone: bool) -> Iterator[Trace]:
    trace.gathered.lone = lone
    for join in _joins:
        join(trace)
    outer = current_trace.get()
    try:  # twice, for an interruption may come at the end of the first, too
        try:
            current_trace.set(trace)
            yield trace
        except BaseException as error:
            trace.gathered.raised(error)
            raise
        finally:
            current_trace.set(outer)
    finally:
        current_trace.set(outer)
        end_trace(trace)
