"""Starts a trace for every management command, named after the command."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.base import BaseCommand

from signal_log.capture.trace.context import command_source, default_context, source_override
from signal_log.capture.trace.trace import current_trace, ensure_trace, write_kept

# Long-running commands get no trace of their own: one trace over everything they do would be meaningless.
SHELLS: Final = frozenset({"shell", "shell_plus"})
SERVERS: Final = SHELLS | {"runserver", "testserver", "daphne", "serve", "test"}
WORKERS: Final = frozenset(
    {"runworker", "db_worker", "rqworker", "rqworker-pool", "qcluster", "run_huey", "rundramatiq", "procrastinate"}
    | {"signal_relay"}
)
LONG_RUNNING: Final = SERVERS | WORKERS


def execute(original: Any) -> Any:
    """Wrap ``BaseCommand.execute`` in a trace of its own."""

    def execute(self: BaseCommand, *args: Any, **options: Any) -> Any:
        name = type(self).__module__.rpartition(".")[2]
        token = source_override.set(command_source(name))
        try:
            if name in LONG_RUNNING:
                try:
                    return original(self, *args, **options)
                finally:
                    if name in SHELLS:
                        write_kept()  # what its last statements have left: Django disconnects next
            if current_trace.get() is not None:
                with ensure_trace(default_context, lone=False):
                    return original(self, *args, **options)
            try:
                with ensure_trace(default_context, lone=False) as trace:
                    result = original(self, *args, **options)
                    trace.gathered.status = "0"
                    return result
            finally:
                write_kept()  # loaddata, for one, has closed its connection
        finally:
            source_override.reset(token)

    return execute
