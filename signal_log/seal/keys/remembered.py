"""The last checkpoint that a key has signed, kept beside the key: a database that was put back is noticed (no Django).

The file is named after the key's and the log, and holds the signed note, as ``signal_seal new-generation
--checkpoint`` reads it. It is written before the signature is used anywhere else. Beside it, in another file, is the
checkpoint that the newest generation follows, which somebody has allowed who may use the key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from signal_log.errors import ProofError
from signal_log.seal.checkpoint import Checkpoint, read_checkpoint
from signal_log.seal.note import MOST_BYTES, Note, read_note
from signal_log.seal.whole_file import OWNER_ALONE, write_whole

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")


def log_of(origin: str) -> str:
    """An origin without its generation: all generations of one log have that in common."""
    return origin.rpartition("/")[0]


def generation_of(origin: str) -> int:
    """The generation that an origin ends with, in the one way that it is written; 0 if it ends otherwise."""
    number = origin.rpartition("/")[2]
    return int(number) if _NUMBER.fullmatch(number) else 0


@dataclass(frozen=True, slots=True)
class Remembered:
    """A checkpoint and the note that states it."""

    note: Note
    checkpoint: Checkpoint

    @property
    def place(self) -> tuple[int, int]:
        """Its generation and size: of two of one log, the larger is the later."""
        return generation_of(self.checkpoint.origin), self.checkpoint.size


def read_remembered(content: bytes) -> Remembered:
    """Read a note that states a checkpoint; raises ``ProofError``."""
    note = read_note(content)
    return Remembered(note, read_checkpoint(note.text))


def memory_path(key: Path, origin: str) -> Path:
    """Where the last checkpoint of a log is kept that a key signs."""
    return key.with_name(f"{key.name}.{sha256(log_of(origin).encode()).hexdigest()[:8]}.last")


def recall(key: Path, origin: str) -> Remembered | None:
    """What a key has signed last of this log, in whatever generation; None if nothing is known. ``ProofError``."""
    path = memory_path(key, origin)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ProofError(f"What the key has signed last, in {path}, could not be read: {error.strerror}.") from None
    try:
        found = read_remembered(content)
    except ProofError as error:
        raise ProofError(f"{path}, which keeps what the key has signed last: {error}") from None
    if log_of(found.checkpoint.origin) != log_of(origin):
        raise ProofError(f"{path} keeps a checkpoint of another log, {found.checkpoint.origin}.")
    return found


def followed(key: Path, origin: str) -> str | None:
    """The text of the checkpoint that the newest generation follows; None if the key has begun none. ``ProofError``."""
    path = followed_path(key, origin)
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ProofError(f"What the newest generation follows, in {path}, could not be read: {error}.") from None
    read_checkpoint(text)
    return text


def followed_path(key: Path, origin: str) -> Path:
    """Where the checkpoint is kept that the newest generation of a log follows."""
    return memory_path(key, origin).with_suffix(".follows")


def remember(key: Path, note: Note) -> None:
    """Keep what a key is about to have signed; raises ``OSError``, after which the old file is still whole."""
    write_whole(memory_path(key, read_checkpoint(note.text).origin), note.encode(), OWNER_ALONE)


def remember_followed(key: Path, follows: str) -> None:
    """Keep what a generation follows that the key is about to begin; raises ``OSError``."""
    write_whole(followed_path(key, read_checkpoint(follows).origin), follows.encode(), OWNER_ALONE)
