"""What the exports for other systems share: one JSON object a line, and a last one that says the file is complete."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from signal_log.models import LogIdentity
from signal_log.show.export.jsonl import json_text

DIGITS: Final = "0" * 64
_END: Final = len(f'{DIGITS}"}}}}\n')


class Lines:
    """Writes one file: call ``begin``, then ``add`` for each page of events, then ``end``.

    The last line ends with the SHA-256 of all bytes of the file before its 64 digits.
    """

    suffix: str
    content_type: Final = "application/jsonl; charset=utf-8"

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = about
        self.number = 0
        self.archived = 0
        """How many of them were read from the archive, if ``about`` names one."""
        self.log = LogIdentity.objects.values_list("value", flat=True).first() or ""
        self._hash = hashlib.sha256()

    def begin(self) -> bytes:
        """Nothing: what is said of the export stands in the last line, so that the first is an event."""
        return b""

    def add(self, events: Iterable[Mapping[str, Any]]) -> bytes:
        """Lines for some events (mappings from ``store.read.as_mapping``)."""
        written = []
        for event in events:
            self.number += 1
            if (line := self.line(event)) is not None:
                written.append(f"{json_text(line)}\n")
        return self._hashed("".join(written))

    def end(self) -> bytes:
        """The last line, whose last value is the hash."""
        archived = {"archived": self.archived} if "archive" in self.about else {}
        text = f"{json_text(self.last({**self.about, 'events': self.number, **archived, 'sha256': DIGITS}))}\n"
        return self._hashed(text[:-_END]) + f"{self._hash.hexdigest()}{text[64 - _END :]}".encode()

    def line(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """One event; None if the format has no place for it."""
        raise NotImplementedError

    def last(self, export: Mapping[str, Any]) -> dict[str, Any]:
        """The line about the export, which ends with ``export`` in one object."""
        raise NotImplementedError

    def _hashed(self, text: str) -> bytes:
        encoded = text.encode()
        self._hash.update(encoded)
        return encoded
