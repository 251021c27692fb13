"""Begins a trace at every management command, named after it."""

from __future__ import annotations

from functools import wraps
from typing import Any, Final

from django.core.management.base import BaseCommand

from signal_log.capture.trace.context import command_source, default_scene, source_override
from signal_log.capture.trace.trace import trace_of

# A trace over all that they ever do would say nothing.
SERVERS: Final = frozenset({"runserver", "testserver", "daphne", "serve", "shell", "shell_plus", "test"})
WORKERS: Final = frozenset(
    {"runworker", "db_worker", "rqworker", "rqworker-pool", "qcluster", "run_huey", "rundramatiq", "procrastinate"}
)
ENDLESS: Final = SERVERS | WORKERS
_UNWRAPPED: Final[dict[str, Any]] = {}


def wrap() -> None:
    """Wrap ``BaseCommand.execute``."""
    if not _UNWRAPPED:
        _UNWRAPPED["execute"] = BaseCommand.execute
        BaseCommand.execute = _execute(BaseCommand.execute)  # type: ignore[method-assign]


def unwrap() -> None:
    """Undo ``wrap``."""
    if _UNWRAPPED:
        BaseCommand.execute = _UNWRAPPED.pop("execute")  # type: ignore[method-assign]


def _execute(original: Any) -> Any:
    @wraps(original)
    def execute(self: BaseCommand, *args: Any, **options: Any) -> Any:
        name = type(self).__module__.rpartition(".")[2]
        token = source_override.set(command_source(name))
        try:
            if name in ENDLESS:
                return original(self, *args, **options)
            with trace_of(default_scene):
                return original(self, *args, **options)
        finally:
            source_override.reset(token)

    return execute
