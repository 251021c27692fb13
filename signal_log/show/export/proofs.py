"""Exports as proofs: a ZIP archive with a ``.tlog-proof`` of each event, which shows by itself what was sealed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any, Final

from signal_log.errors import ProofError
from signal_log.models import SignalEvent
from signal_log.seal.verify.proof import SUFFIX
from signal_log.seal.verify.proof_file import NotSealedYet, proof_file

OWNER_ONLY: Final = 0o600 << 16


class Proofs:
    """Writes one file: call ``begin``, then ``add`` for each page of events, then ``end``."""

    suffix: Final = "zip"
    content_type: Final = "application/zip"

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = about
        self.number = 0
        self.archived = 0
        """How many events were read from the archive, proved or not."""
        self.unsealed = 0
        """How many events are in no signed checkpoint yet."""
        self.altered: list[int] = []
        """Which are not what was sealed."""
        self._written = _Written()
        self._archive = zipfile.ZipFile(self._written, "w", zipfile.ZIP_DEFLATED)

    def begin(self) -> bytes:
        """Nothing: an archive's list stands at its end."""
        return b""

    def add(self, events: Iterable[SignalEvent]) -> bytes:
        """A file for each event that can be proved."""
        for event in events:
            try:
                content = proof_file(event)
            except NotSealedYet:
                self.unsealed += 1
                continue
            except ProofError:
                self.altered.append(event.pk)
                continue
            member = zipfile.ZipInfo(f"{event.pk}{SUFFIX}", event.occurred_at.timetuple()[:6])
            member.external_attr = OWNER_ONLY
            self._archive.writestr(member, content, zipfile.ZIP_DEFLATED)
            self.number += 1
        return self._written.taken()

    def end(self) -> bytes:
        """The archive's list."""
        self._archive.close()
        return self._written.taken()


class _Written(io.RawIOBase):
    """Holds what the archive writes until it is taken; it cannot go back in it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._parts.append(bytes(content))
        return len(content)

    def taken(self) -> bytes:
        """What was written since."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
