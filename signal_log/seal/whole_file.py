"""Writes a file so that whoever reads it finds the old one or the new one, whole, also after a crash (no Django)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

OWNER_ALONE: Final = 0o600
EVERYBODY: Final = 0o666
"""As far as the process's umask lets them."""


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Write a file with this mode, and have it on the disk; raises ``OSError``, after which an old one is as it was."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
