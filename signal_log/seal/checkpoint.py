"""Checkpoints (c2sp.org/tlog-checkpoint): which log, how many events, and the root over them (pure; no Django)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from signal_log.amounts import counted
from signal_log.errors import ProofError
from signal_log.seal.merkle import HASH_BYTES
from signal_log.seal.note import is_name

LARGEST: Final = 2**63 - 1
LINES: Final = ("origin", "size", "root")
_SIZE: Final = re.compile(r"0|[1-9]\d{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log's tree. It holds no time: that is a witness's to say."""

    origin: str
    """``<host>/<the log's identity>/<generation>``."""
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def __str__(self) -> str:
        return f"{self.origin} of {counted(self.size, 'event')}"


def read_checkpoint(text: str) -> Checkpoint:
    """Read a note's text; raises ``ProofError``. Lines of others' extensions are not taken for signed facts."""
    origin, size, root, *_ = (*text.removesuffix("\n").split("\n"), "", "")
    try:
        hashed = base64.b64decode(root, validate=True)
    except (binascii.Error, ValueError):
        hashed = b""
    is_right = is_name(origin) and _SIZE.fullmatch(size) and int(size) <= LARGEST and len(hashed) == HASH_BYTES
    if not is_right or not text.endswith("\n"):
        raise ProofError("This is no checkpoint: three lines with the log's origin, its size and the root's hash.")
    if text.count("\n") > len(LINES):
        raise ProofError("This checkpoint has further lines, which no log of signal_log writes.")
    return Checkpoint(origin, int(size), hashed)
