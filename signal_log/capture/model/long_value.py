"""How a value is told that is longer than what the log keeps: its beginning, its length and a hash of the whole.

Where something of it is masked, a length and a plain hash would let anybody try out what: its hash is keyed then.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any, Final

_TAIL: Final = re.compile(r"… \(\d+ (?:characters|bytes), SHA-256 ([0-9a-f]{64})\)\Z", re.ASCII)


class Cut(str):
    """Text that the database has already cut, with its length and SHA-256 behind it."""

    @property
    def beginning(self) -> str:
        """What the database has left of the value."""
        found = _TAIL.search(self, max(0, len(self) - 150))
        return self[: found.start()] if found else str(self)

    @property
    def is_of_bytes(self) -> bool:
        """Whether it is the hex of a binary value."""
        return " bytes, SHA-256 " in self[-150:] and self.startswith("0x") and _TAIL.search(self) is not None

    @property
    def sha256(self) -> str:
        """The hash of the whole value."""
        found = _TAIL.search(self, max(0, len(self) - 150))
        return found[1] if found else digest_of(self)


def digest_of(text: str) -> str:
    """SHA-256 of a text's UTF-8, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def truncated_with_digest(text: str, limit: int) -> str:
    """Text truncated to ``limit`` characters and, if it was longer, followed by its full length and SHA-256."""
    return text if len(text) <= limit else cut_text(text[:limit], len(text), digest_of(text))


def cut_text(beginning: str, characters: int, sha256: str) -> str:
    """A long text as it is logged: its beginning, its length, and the hash of its UTF-8."""
    return f"{beginning}… ({characters} characters, SHA-256 {sha256})"


def cut_masked(beginning: str, sha256: str) -> str:
    """A long text that hides something: its masked beginning, and the hash of the whole, keyed, without its length."""
    return f"{beginning}… (longer, {_keyed(sha256)})"


def is_the_same(cut: Any, shown: Any) -> bool:
    """Whether what the database has cut is the masked text that the log shows like this already."""
    return type(cut) is Cut and isinstance(shown, str) and shown.endswith(f"… (longer, {_keyed(cut.sha256)})")


def cut_bytes(beginning: bytes, size: int, sha256: str) -> str:
    """A long binary value as it is logged: the beginning in hex, the number of its bytes, and their hash."""
    return f"0x{beginning.hex()}… ({size} bytes, SHA-256 {sha256})"


def bytes_shown(limit: int) -> int:
    """How many bytes fit into ``limit`` characters of hex."""
    return (limit - 2) // 2


def text_of_bytes(value: bytes | bytearray | memoryview, limit: int) -> str:
    """A binary value in hex, cut if that is longer than ``limit`` characters."""
    held = bytes(value)
    most = bytes_shown(limit)
    if len(held) <= most:
        return "0x" + held.hex()
    return cut_bytes(held[:most], len(held), hashlib.sha256(held).hexdigest())


def key_hashes(keyed: Callable[[str], str]) -> None:
    """Have hashes of what hides something keyed by this function: whoever knows SECRET_KEY sets it."""
    global _keyed  # noqa: PLW0603  one for the process
    _keyed = keyed


def _unknown(_: str) -> str:
    return "no hash"


_keyed: Callable[[str], str] = _unknown
