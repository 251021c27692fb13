"""An export as JSON Lines: exact, for programs and for evidence.

Each line is an event as on the websocket. The first has one key more, ``export``, which tells what was asked for, and
the last one ``end``: how many events there are and the SHA-256 of all bytes of the file before its 64 digits. Without
that the file is not whole. Where no event matched there is one line with these two keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from signal_log.tail import wire

_END: Final = len("0" * 64 + '"}}\n')


class JsonLines:
    """One file; ``begin``, ``add`` as often as there are events, ``end``."""

    suffix: Final = "jsonl"
    content_type: Final = "application/jsonl; charset=utf-8"

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = about
        self.number = 0
        self._hash = hashlib.sha256()
        self._last = ""  # held back, for the end stands in it: the beginning of a line, its brace and line feed to come

    def begin(self) -> bytes:
        """The beginning of the first line."""
        return self._hashed(json_text({"export": self.about})[:-1])

    def add(self, events: Iterable[Mapping[str, Any]]) -> bytes:
        """The lines before the last of some events, which are mappings of ``store.read.as_mapping``."""
        written = []
        for event in events:
            text = wire.encode(event).text
            written.append(f"{self._last}}}\n" if self.number else "")
            self._last = text[:-1] if self.number else f",{text[1:-1]}"
            self.number += 1
        return self._hashed("".join(written))

    def end(self) -> bytes:
        """The last line."""
        end = {"events": self.number, "up_to": self.about.get("up_to"), "sha256": "0" * 64}
        text = f'{self._last},"end":{json_text(end)}}}\n'
        return self._hashed(text[:-_END]) + f"{self._hash.hexdigest()}{text[64 - _END :]}".encode()

    def _hashed(self, text: str) -> bytes:
        encoded = text.encode()
        self._hash.update(encoded)
        return encoded


def json_text(value: Any) -> str:
    """A value as JSON on one line, whatever text it holds."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a lone surrogate or an integer beyond 64 bits
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
