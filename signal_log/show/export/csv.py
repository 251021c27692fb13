"""An export as CSV: for people with a spreadsheet, harmless there whatever the log holds.

Each row is an event; JSON columns hold JSON. Two columns more are empty but for one cell each: ``export`` in the first
row tells what was asked for, ``end`` in the last one how many events there are and the SHA-256 of all bytes of the
file before its 64 digits. Without that cell a file is not whole.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

from signal_log.models import SignalEvent
from signal_log.show.export.jsonl import json_text
from signal_log.show.words.text import visible

COLUMNS: Final = tuple(field.name for field in SignalEvent._meta.concrete_fields)
BOM: Final = "\ufeff"
"""Without it Excel takes UTF-8 for the code page of its country."""
FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet calculate a cell; the last four are the wide forms of the first, which count in Japan."""
CONTROL: Final = ("\t", "\r", "\n")
"""What some drop from the beginning of a cell, whatever stands behind it."""
QUOTE: Final = "'"
_END: Final = len("0" * 64 + "\r\n")


class Csv:
    """One file; ``begin``, ``add`` as often as there are events, ``end``."""

    suffix: Final = "csv"
    content_type: Final = "text/csv; charset=utf-8; header=present"

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = about
        self.number = 0
        self._hash = hashlib.sha256()
        self._last: list[str] | None = None  # held back: it may be the row with the end in it
        self._about = json_text(about)

    def begin(self) -> bytes:
        """The names of the columns."""
        return self._hashed(_bytes([[*COLUMNS, "export", "end"]], before=BOM))

    def add(self, events: Iterable[Mapping[str, Any]]) -> bytes:
        """The rows before the last of some events, which are mappings of ``store.read.as_mapping``."""
        rows = [] if self._last is None else [self._last]
        for event in events:
            rows.append([*(cell(event[column]) for column in COLUMNS), "" if self.number else self._about, ""])
            self.number += 1
        if rows:
            self._last = rows.pop()
        return self._hashed(_bytes(rows))

    def end(self) -> bytes:
        """The last row; where there is no event, a row of its own."""
        last = self._last or [*("" for _ in COLUMNS), self._about, ""]
        last[-1] = f"{self.number} events sha256 {'0' * 64}"
        start = self._hashed(_bytes([last])[:-_END])
        return start + f"{self._hash.hexdigest()}\r\n".encode()

    def _hashed(self, text: bytes) -> bytes:
        self._hash.update(text)
        return text


def cell(value: Any) -> str:
    """A value as a cell: text that nothing calculates, numbers bare, nothing for null, all else as JSON."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return json_text(value)
    if value.isprintable() and (not value or value[0].isalnum()):
        return value  # nearly all, five times as quick
    shown = visible(value)
    # One that begins with a quote gets another, so that taking one away always gives back the text.
    calculated = value.startswith((*CONTROL, QUOTE)) or value.lstrip().startswith(FORMULA)
    return QUOTE + shown if calculated else shown


def _bytes(rows: Iterable[list[str]], before: str = "") -> bytes:
    text = io.StringIO(before, newline="")
    text.seek(0, io.SEEK_END)
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")
