"""A line of progress on a terminal, and none in a pipe."""

from __future__ import annotations

from typing import Any, Final

from signal_log import clock

INTERVAL: Final = 0.2
"""Seconds between two updates."""


class Progress:
    """Shows how far a long command has come, by id."""

    def __init__(self, stream: Any, doing: str) -> None:
        self._stream = stream
        self._doing = doing
        self._shown = clock.monotonic()

    def show(self, reached: int, last: int) -> None:
        """Show it, unless that was done a moment ago."""
        now = clock.monotonic()
        if self._stream.isatty() and now - self._shown >= INTERVAL:
            self._shown = now
            self._line(f"{self._doing} {reached:,} of {last:,}   (Ctrl-C to stop)")

    def clear(self) -> None:
        """Erase the line."""
        if self._stream.isatty():
            self._line("")

    def _line(self, text: str) -> None:
        self._stream.write(f"\r\033[K{text}", style_func=str, ending="")
        self._stream.flush()
