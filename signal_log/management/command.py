"""What the app's commands share: nothing that they print is obeyed by a terminal, and a closed pipe is no error."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, OutputWrapper, SystemCheckError

from signal_log.checks import SETTINGS
from signal_log.management.ending import REFUSED
from signal_log.show.words.text import visible


class _Nowhere(io.StringIO):
    """What Python has no stream for, because it was started with that descriptor closed (``>&-``)."""

    def write(self, text: str, /) -> int:
        """Drop it; the exit status still tells."""
        return len(text)


class Shown(OutputWrapper):
    """Shows by their numbers the characters that a terminal would obey, whoever has put them into a name or an error.

    Text that comes with a style of its own is left as it is: Django's coloured reports, a line of progress.
    """

    def __init__(self, wrapped: Any) -> None:
        super().__init__(_Nowhere() if wrapped._out is None else wrapped._out, ending=wrapped.ending)

    def write(self, msg: str = "", style_func: Callable[[str], str] | None = None, ending: str | None = None) -> None:  # type: ignore[override]
        """Write a line, or whatever ``ending`` makes of it."""
        super().write(msg if style_func is not None else visible(msg), style_func, ending)


class SignalCommand(BaseCommand):
    """The base of the app's commands; of the project's checks only those of ``SIGNAL_LOG`` run before each."""

    requires_system_checks = (SETTINGS,)

    def __setattr__(self, name: str, value: Any) -> None:
        """Django sets both streams when a command is made, and again when it is called."""
        if name in ("stdout", "stderr") and not isinstance(value, Shown):
            value = Shown(value)
        super().__setattr__(name, value)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it; it ends quietly when its reader has what it wanted."""
        try:
            output: str | None = super().execute(*args, **options)
            self.stdout.flush()
        except BrokenPipeError:
            give_up_stdout()
            return None
        except SystemCheckError as error:
            error.returncode = REFUSED  # Django's is 1, which says of `signal_verify` that the log was tampered with
            raise
        return output


def give_up_stdout() -> None:
    """Write no more to a pipe that is closed; Python would report it again at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
