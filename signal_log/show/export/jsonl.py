"""Exports as JSON Lines: exact, for programs and as evidence.

Each line is an event in the websocket's format. The first line has an extra key, ``export``, with the export's
metadata, and the last line has ``end``: the number of events (``archived`` of them from the archive, if ``export``
names one) and the SHA-256 of all bytes of the file before its 64 digits. A file without it is incomplete. If no event
matches, there is one line with just these two keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from signal_log.show.words.text import inert_json
from signal_log.tail import wire

_END: Final = len("0" * 64 + '"}}\n')


class JsonLines:
    """Writes one file: call ``begin``, then ``add`` for each page of events, then ``end``."""

    suffix: Final = "jsonl"
    content_type: Final = "application/jsonl; charset=utf-8"

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = about
        self.number = 0
        self.archived = 0
        """How many of them were read from the archive, if ``about`` names one."""
        self._hash = hashlib.sha256()
        self._last = ""  # held back without its closing brace and line feed: the last line contains the end marker

    def begin(self) -> bytes:
        """The start of the first line."""
        return self._hashed(json_text({"export": self.about})[:-1])

    def add(self, events: Iterable[Mapping[str, Any]]) -> bytes:
        """Lines for some events (mappings from ``store.read.as_mapping``), holding back the last."""
        written = []
        for event in events:
            text = inert_json(wire.encode(event).text)
            written.append(f"{self._last}}}\n" if self.number else "")
            self._last = text[:-1] if self.number else f",{text[1:-1]}"
            self.number += 1
        return self._hashed("".join(written))

    def end(self) -> bytes:
        """The last line, with the end marker."""
        archived = {"archived": self.archived} if "archive" in self.about else {}
        end = {"events": self.number, **archived, "up_to": self.about.get("up_to"), "sha256": "0" * 64}
        text = f'{self._last},"end":{json_text(end)}}}\n'
        return self._hashed(text[:-_END]) + f"{self._hash.hexdigest()}{text[64 - _END :]}".encode()

    def _hashed(self, text: str) -> bytes:
        encoded = text.encode()
        self._hash.update(encoded)
        return encoded


def json_text(value: Any) -> str:
    """A value as JSON on one line, whatever text it contains."""
    try:
        return inert_json(orjson.dumps(value).decode())
    except TypeError:  # a lone surrogate or an integer beyond 64 bits
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
