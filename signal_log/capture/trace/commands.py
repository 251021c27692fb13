"""Begins a trace at every management command, named after it."""

from __future__ import annotations

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


def execute(original: Any) -> Any:
    """``BaseCommand.execute``, within a trace of its own."""

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
