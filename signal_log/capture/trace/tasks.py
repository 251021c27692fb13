"""Starts a trace for every Celery and ``django.tasks`` task, using the signals sent before and after each task.

A task that runs inline in its caller (Celery's eager mode, the immediate backend) stays in the current trace, with
the task as its events' source, because it is an effect of that request.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import replace
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

from django.apps import apps

from signal_log import clock
from signal_log.capture.model.error_text import error_text
from signal_log.capture.model.snapshot import clean_truncated
from signal_log.capture.trace.context import system_actor
from signal_log.capture.trace.membership import join, running, sessions_of
from signal_log.capture.trace.session_token import TASK, Named, make_token, read_token
from signal_log.capture.trace.trace import (
    Frame,
    Trace,
    TraceContext,
    current_frame,
    current_trace,
    end_trace,
    enqueued,
    sessions_of_task,
)
from signal_log.interruption import let_interruption_pass

logger = logging.getLogger("signal_log")

SOURCE: Final = "task"
_UID: Final = "signal_log.tasks"
_SESSION: Final = "signal_session"
_SESSION_SECONDS: Final = 3_600


class _Before(NamedTuple):
    """The trace and frame that were current when a task began, to be restored when it ends."""

    task_id: str
    trace: Trace | None
    frame: Frame | None


_running: ContextVar[tuple[_Before, ...]] = ContextVar("signal_log_tasks", default=())


def connect() -> None:
    """Connect to the task libraries that this process uses."""
    for signal, receiver in _connected():
        signal.connect(_harmless(receiver), weak=False, dispatch_uid=_UID)


def disconnect() -> None:
    """Undo ``connect``."""
    for signal, receiver in _connected():
        signal.disconnect(receiver, dispatch_uid=_UID)


def _harmless(receiver: Callable[..., None]) -> Callable[..., None]:
    """The receiver, which must not fail a task of the host's, whatever a library sends."""

    @wraps(receiver)
    def guarded(**given: Any) -> None:
        try:
            receiver(**given)
        except Exception as error:  # noqa: BLE001  never the host's problem
            let_interruption_pass(error)  # a time limit
            logger.warning("A task is not told apart in the log: %s", error_text(error))

    return guarded


def _connected() -> Iterator[tuple[Any, Any]]:
    """The libraries' signals, each with our receiver."""
    # Celery is not imported on our account, which would take 0.2 s. A process that runs Celery tasks has imported it
    # before Django is set up: a worker runs Celery's own program; elsewhere the project's ``__init__`` imports its app.
    if "celery" in sys.modules:
        celery = import_module("celery.signals")
        yield from (
            (celery.before_task_publish, _published),
            (celery.task_prerun, _celery_began),
            (celery.task_postrun, _ended),
        )
    libraries = [
        *(["django.tasks.signals"] if find_spec("django.tasks") else []),  # Django 6.0
        *(["django_tasks.signals"] if apps.is_installed("django_tasks") else []),  # the backport for earlier versions
    ]
    for library in map(import_module, libraries):
        yield from (
            (library.task_enqueued, _django_enqueued),
            (library.task_started, _django_began),
            (library.task_finished, _ended),
        )


def _published(*, headers: Any = None, **_: Any) -> None:
    """A task that a recorded trace enqueues belongs to the same session: Celery's messages have room to say so."""
    trace = current_trace.get()
    if trace is not None and (trace.gathered.sessions or running.users) and isinstance(headers, dict):
        until = clock.time_ns() // 1_000_000_000 + _SESSION_SECONDS
        if tokens := [make_token(TASK, session, until) for session in sessions_of(trace)]:
            headers.setdefault(_SESSION, tokens)


def _django_enqueued(*, sender: Any, task_result: Any, **_: Any) -> None:
    """The same for ``django.tasks``, whose tasks are nothing but arguments: the session has to know their ids."""
    trace = current_trace.get()
    if trace is not None and (trace.gathered.sessions or running.users) and not _is_inline(sender):
        enqueued(trace, str(task_result.id))


def _celery_began(*, task_id: str, task: Any, **_: Any) -> None:
    tokens = getattr(task.request, _SESSION, None)
    named = [read_token(TASK, str(token)) for token in tokens] if isinstance(tokens, list | tuple) else ()
    _begin(task_id, task.name, inline=bool(getattr(task.request, "is_eager", False)), named=tuple(filter(None, named)))


def _django_began(*, sender: Any, task_result: Any, **_: Any) -> None:
    inline = _is_inline(sender)
    named = () if inline else tuple(map(Named, sessions_of_task(str(task_result.id))))
    _begin(str(task_result.id), task_result.task.module_path, inline=inline, named=named)


def _is_inline(sender: Any) -> bool:
    """Whether a backend runs its tasks within the call; workers send the backend itself, or its class."""
    kind = sender if isinstance(sender, type) else type(sender)
    return any(backend.__name__ == "ImmediateBackend" for backend in kind.__mro__)


def _ended(*, task_id: str = "", task_result: Any = None, state: str = "", **_: Any) -> None:
    errors = getattr(task_result, "errors", None)  # the exceptions of django.tasks, by dotted path
    status = errors[-1].exception_class_path.rpartition(".")[2] if errors else state
    _end(task_id or str(task_result.id), status or str(getattr(task_result, "status", "")))


def _begin(task_id: str, name: str, *, inline: bool, named: tuple[Named, ...] = ()) -> None:
    trace, frame = current_trace.get(), current_frame.get()
    _running.set((*_running.get(), _Before(task_id, trace, frame)))
    context = trace.context if trace is not None and inline else TraceContext(SOURCE, actor=system_actor)
    context = replace(
        context,
        source=SOURCE,
        request_id=clean_truncated(task_id, 100),
        method="",
        path=lambda: clean_truncated(name, 500),
    )
    if trace is not None and inline:
        current_trace.set(trace.with_context(context))
        return
    began = Trace(context)
    began.gathered.lone = False
    join(began, named)
    current_trace.set(began)
    current_frame.set(None)


def _end(task_id: str, status: str = "") -> None:
    running = _running.get()
    for at in range(len(running) - 1, -1, -1):  # tasks above it never reported their end
        if running[at].task_id == task_id:
            ended, before = current_trace.get(), running[at].trace
            current_trace.set(before)
            current_frame.set(running[at].frame)
            _running.set(running[:at])
            if ended is not None and (before is None or ended.gathered is not before.gathered):
                ended.gathered.status = status
                end_trace(ended)
            return
