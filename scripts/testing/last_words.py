"""Passes on what a program and its workers write to stderr, and keeps what one of them says as it dies."""

from __future__ import annotations

import os
import sys
from threading import Thread
from types import TracebackType
from typing import Final, Self

# How Python, its C and C++ libraries and pytest's time limit begin.
FATAL: Final = ("Fatal Python error", "Timeout (", "terminate called", "double free", "malloc", "free()", "corrupted")
# Enough for the stacks of a few threads.
MOST_LINES: Final = 60
# A process that a test left behind may keep the pipe open.
LONGEST_WAIT: Final = 5.0


class LastWords:
    """A pipe for stderr; `lines` are what followed the first fatal error of each of those who died."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._reading, self.writing = os.pipe()
        self._thread = Thread(target=self._pass_on, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self.writing)
        self._thread.join(LONGEST_WAIT)

    def _pass_on(self) -> None:
        wanted = 0
        with open(self._reading, encoding="utf-8", errors="backslashreplace") as reading:
            for line in reading:
                print(line, end="", file=sys.stderr, flush=True)
                if not wanted and line.startswith(FATAL):
                    wanted = MOST_LINES
                if wanted:
                    wanted -= 1
                    self.lines.append(line.rstrip())
