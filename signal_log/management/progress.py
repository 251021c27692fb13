"""A line of progress on a terminal, and none in a pipe."""

from __future__ import annotations

from typing import Any, Final

from signal_log import clock

INTERVAL: Final = 0.2
"""Seconds between two updates."""
WIDTH: Final = 24
"""Of a bar, in characters."""


class Line:
    """The terminal's last line, drawn anew a few times a second."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._is_shown = bool(stream.isatty())
        self._drawn = clock.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether to draw it now: there is a terminal, and the last time is a while ago."""
        return self._is_shown and clock.monotonic() - self._drawn >= INTERVAL

    def draw(self, text: str) -> None:
        """Show this text in it."""
        self._drawn = clock.monotonic()
        self._write(text)

    def clear(self) -> None:
        """Erase it."""
        if self._is_shown:
            self._write("")

    def _write(self, text: str) -> None:
        self._stream.write(f"\r\033[K{text}", style_func=str, ending="")
        self._stream.flush()


class Progress:
    """Shows how far a long command has come, by id."""

    def __init__(self, stream: Any, doing: str) -> None:
        self._line = Line(stream)
        self._doing = doing

    def show(self, reached: int, last: int) -> None:
        """Show it, unless that was done a moment ago."""
        if self._line.is_due:
            self._line.draw(f"{self._doing} {reached:,} of {last:,}   (Ctrl-C to stop)")

    def clear(self) -> None:
        """Erase the line."""
        self._line.clear()


def bar(done: int, total: int) -> str:
    """How much is done, as a bar and in per cent."""
    share = min(done / total, 1) if total else 1
    return f"{'█' * int(WIDTH * share):░<{WIDTH}} {share:4.0%}"
