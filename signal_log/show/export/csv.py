"""Exports as CSV, for spreadsheets, and safe to open there whatever the log contains.

Each row is an event; JSON columns contain JSON. Two extra columns are empty except for one cell each: ``export`` in
the first row holds the export's metadata, ``end`` in the last row the number of events and the SHA-256 of all bytes of
the file before its 64 digits. A file without that cell is incomplete.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from signal_log.models import SignalEvent
from signal_log.show.export.jsonl import json_text
from signal_log.show.words.text import visible

COLUMNS: Final = tuple(field.name for field in SignalEvent._meta.concrete_fields)
BOM: Final = "\ufeff"
"""Without it Excel reads UTF-8 as the system's code page."""
FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Characters that make a cell a formula; the last four are full-width forms, which Japanese locales accept."""
CONTROL: Final = ("\t", "\r", "\n")
"""Characters that some spreadsheets strip from the start of a cell, exposing what follows."""
QUOTE: Final = "'"
# Where ";" parts cells (Excel in German or French), or what was chosen on import, each of these begins a cell in the
# middle of ours, and a new line begins a row: the quotes around a cell count only at its beginning.
_BEGINS: Final = f"[{re.escape(''.join(FORMULA))}]"
_FORMULA_INSIDE: Final = re.compile(rf"""([;|\t\r\n])(?=[\s"]*{_BEGINS}|')""")
_FORMULA_IN_JSON: Final = re.compile(rf"([;|]\s*)({_BEGINS})")
_END: Final = len("0" * 64 + "\r\n")


class Csv:
    """Writes one file: call ``begin``, then ``add`` for each page of events, then ``end``."""

    suffix: Final = "csv"
    content_type: Final = "text/csv; charset=utf-8; header=present"

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = about
        self.number = 0
        self.archived = 0
        """How many of them were read from the archive, if ``about`` names one."""
        self._hash = hashlib.sha256()
        self._last: list[str] | None = None  # held back: the last row contains the end marker
        self._about = json_cell(about)

    def begin(self) -> bytes:
        """The header row."""
        return self._hashed(_bytes([[*COLUMNS, "export", "end"]], before=BOM))

    def add(self, events: Iterable[Mapping[str, Any]]) -> bytes:
        """Rows for some events (mappings from ``store.read.as_mapping``), holding back the last."""
        rows = [] if self._last is None else [self._last]
        for event in events:
            rows.append([*(cell(event[column]) for column in COLUMNS), "" if self.number else self._about, ""])
            self.number += 1
        if rows:
            self._last = rows.pop()
        return self._hashed(_bytes(rows))

    def end(self) -> bytes:
        """The last row, with the end marker; an otherwise empty row if there are no events."""
        last = self._last or [*("" for _ in COLUMNS), self._about, ""]
        archived = f", {self.archived} of them archived," if "archive" in self.about else ""
        last[-1] = f"{self.number} events{archived} sha256 {'0' * 64}"
        start = self._hashed(_bytes([last])[:-_END])
        return start + f"{self._hash.hexdigest()}\r\n".encode()

    def _hashed(self, text: bytes) -> bytes:
        self._hash.update(text)
        return text


def cell(value: Any) -> str:
    """A value as a cell: text that is never a formula, plain numbers, empty for null, otherwise JSON.

    Of text, a quote is put before each part that would be one, of those that ``;``, ``|``, tabs and line breaks make.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return json_cell(value)
    if value.isprintable() and (not value or value[0].isalnum()) and ";" not in value and "|" not in value:
        return value  # fast path for most values, five times as fast
    shown = _FORMULA_INSIDE.sub(rf"\1{QUOTE}", visible(value))
    # A part that starts with a quote gets another, so that removing one quote always restores the text.
    is_formula = value.startswith((*CONTROL, QUOTE)) or value.lstrip().startswith(FORMULA)
    return QUOTE + shown if is_formula else shown


def json_cell(value: Any) -> str:
    """A value as JSON in which no part is a formula: the character that would begin one is escaped."""
    text = json_text(value)
    if ";" not in text and "|" not in text:
        return text
    return _FORMULA_IN_JSON.sub(lambda found: f"{found[1]}\\u{ord(found[2]):04x}", text)


def _bytes(rows: Iterable[list[str]], before: str = "") -> bytes:
    text = io.StringIO(before, newline="")
    text.seek(0, io.SEEK_END)
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")
