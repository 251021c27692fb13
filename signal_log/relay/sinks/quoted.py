"""What of a receiver's answer is kept, for whoever has to find out why it refuses an event.

It may echo what it was sent, our key among it, or tell secrets of its own: they are masked as in an exception's text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from signal_log.capture.model.error_text import shown_message

MOST_CHARS: Final = 300


def quoted(body: bytes, charset: str | None, secrets: Iterable[str]) -> str:
    """The beginning of an answer in one printable line, without what is secret; empty if it has no text."""
    try:
        text = body.decode(charset or "utf-8", "replace")
    except LookupError:
        text = body.decode("utf-8", "replace")
    # Masked before it is cut: half a secret is one.
    shown = "".join(one if one.isprintable() else " " for one in shown_message(text, [*secrets]))
    line = " ".join(shown.split())
    return line if len(line) <= MOST_CHARS else line[: MOST_CHARS - 1] + "…"
