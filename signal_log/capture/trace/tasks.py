"""Begins a trace at every task of Celery and of ``django.tasks``, by the signals that they send around it.

A task that its enqueuer runs itself, in the same call (Celery's eager mode, the immediate backend), stays in
the trace under way, its events with the task as their source: it is an effect of that request.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

from django.apps import apps

from signal_log.capture.model.snapshot import shorten
from signal_log.capture.trace.context import system_actor
from signal_log.capture.trace.trace import Frame, Scene, Trace, current_frame, current_trace

SOURCE: Final = "task"
_UID: Final = "signal_log.tasks"


class _Before(NamedTuple):
    """What was under way when a task began, to be put back when it ends."""

    task_id: str
    trace: Trace | None
    frame: Frame | None


_running: ContextVar[tuple[_Before, ...]] = ContextVar("signal_log_tasks", default=())


def connect() -> None:
    """Listen to the task libraries that this process uses."""
    for started, finished, began in _signals():
        started.connect(began, weak=False, dispatch_uid=_UID)
        finished.connect(_ended, weak=False, dispatch_uid=_UID)


def disconnect() -> None:
    """Undo ``connect``."""
    for started, finished, began in _signals():
        started.disconnect(began, dispatch_uid=_UID)
        finished.disconnect(_ended, dispatch_uid=_UID)


def _signals() -> Iterator[tuple[Any, Any, Any]]:
    # Not imported for our sake: that takes 0.2 s. A process that runs Celery's tasks has done so before Django is
    # set up, for the worker is Celery's own program, and elsewhere the project's ``__init__`` imports its application.
    if "celery" in sys.modules:
        celery = import_module("celery.signals")
        yield celery.task_prerun, celery.task_postrun, _celery_began
    if find_spec("django.tasks"):  # Django 6.0
        django = import_module("django.tasks.signals")
        yield django.task_started, django.task_finished, _django_began
    if apps.is_installed("django_tasks"):  # the same for earlier ones
        package = import_module("django_tasks.signals")
        yield package.task_started, package.task_finished, _django_began


def _celery_began(*, task_id: str, task: Any, **_: Any) -> None:
    _begin(task_id, task.name, inline=bool(getattr(task.request, "is_eager", False)))


def _django_began(*, sender: type, task_result: Any, **_: Any) -> None:
    inline = any(backend.__name__ == "ImmediateBackend" for backend in sender.__mro__)
    _begin(task_result.id, task_result.task.module_path, inline=inline)


def _ended(*, task_id: str = "", task_result: Any = None, **_: Any) -> None:
    _end(task_id or task_result.id)


def _begin(task_id: str, name: str, *, inline: bool) -> None:
    trace, frame = current_trace.get(), current_frame.get()
    _running.set((*_running.get(), _Before(task_id, trace, frame)))
    scene = trace.scene if trace is not None and inline else Scene(SOURCE, actor=system_actor)
    scene = replace(scene, source=SOURCE, request_id=shorten(task_id, 100), method="", path=lambda: shorten(name, 500))
    if trace is not None and inline:
        current_trace.set(trace.in_scene(scene))
        return
    current_trace.set(Trace(scene))
    current_frame.set(None)


def _end(task_id: str) -> None:
    running = _running.get()
    for at in range(len(running) - 1, -1, -1):  # the ones above it never told that they ended
        if running[at].task_id == task_id:
            current_trace.set(running[at].trace)
            current_frame.set(running[at].frame)
            _running.set(running[:at])
            return
