"""Warnings about what only running servers do: told where somebody asks about those, not before every command.

Django runs all checks before each command, so a relay with a double address would be told of before `makemigrations`,
and in the output of a cron job that has nothing to do with it. Errors are always told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.core.checks import ERROR, CheckMessage

from signal_log.capture.trace.context import command_source, source_override

ASKING: Final = ("check", "migrate", "runserver", "runserver_plus", "testserver")
"""Commands before which they are told: those that check, that deploy, and that serve."""


def told(messages: Iterable[CheckMessage], by: Iterable[str]) -> list[CheckMessage]:
    """Those that the running command, if there is one, is asked about; ``by`` names further commands that are."""
    running = source_override.get()
    if not running or running in {command_source(name) for name in (*ASKING, *by)}:
        return list(messages)
    return [message for message in messages if message.level >= ERROR]
