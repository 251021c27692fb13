"""Which logs a key signs for: the one that it was made for, and those that its operator has it accept (no Django).

The first is in the key's file, as its name. The others are in a file beside it, a name in each line. Whoever may write
a database, or ask a signer, can name a log as he likes: under another name than these nothing is signed or believed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from signal_log.errors import ProofError
from signal_log.seal.keys.remembered import generation_of, log_of
from signal_log.seal.note import is_name
from signal_log.seal.whole_file import OWNER_ALONE, write_whole

MOST: Final = 16
"""So many names are accepted: each has files of its own beside the key."""
_LONGEST: Final = MOST * 1_000


def must_be_of(key: Path, name: str, origin: str) -> None:
    """Raise ``ProofError`` if a key with this name does not sign for the log of an origin."""
    must_be_origin(origin)
    logs = logs_of(key, name)
    if log_of(origin) in logs:
        return
    signs = f"signs for {' and '.join(logs)} alone" if logs else f"is named {name}, which is no log's origin"
    raise ProofError(
        f"This key {signs}, and not for {log_of(origin)}. Find out who has named the log so; if it is right, have the "
        f"key accept that name, where it is: `signal_seal begin --accept-log {log_of(origin)} --key FILE`."
    )


def must_be_origin(origin: str) -> None:
    """Raise ``ProofError`` if this is not exactly a log's name, a slash and a generation."""
    if not is_origin(origin):
        raise ProofError(f"{origin[:200]!r} is no log's origin: its name, a slash, and its generation from 1 on.")


def is_origin(origin: str) -> bool:
    """Whether this is exactly a log's name, a slash and a generation."""
    return is_name(origin) and bool(log_of(origin)) and generation_of(origin) > 0


def logs_of(key: Path, name: str) -> list[str]:
    """The logs that a key with this name signs for; raises ``ProofError``."""
    return [log_of(name)] * is_origin(name) + _accepted(key)


def accept(key: Path, name: str, log: str) -> None:
    """Have a key sign for another log, too, which is its operator's to do; raises ``ProofError``."""
    must_be_origin(f"{log}/1")
    accepted = _accepted(key)
    if log in logs_of(key, name):
        return
    if len(accepted) >= MOST:
        raise ProofError(f"This key has accepted {MOST} names already; a log of its own gets a key of its own.")
    try:
        write_whole(_path(key), "".join(f"{one}\n" for one in (*accepted, log)).encode(), OWNER_ALONE)
    except OSError as error:
        raise ProofError(f"The name could not be kept beside the key: {error.strerror}.") from None


def _accepted(key: Path) -> list[str]:
    path = _path(key)
    try:
        # Not blocking: a named pipe without a writer would keep us here for ever.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            lines = file.read(_LONGEST).decode().splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ProofError(f"Which logs the key signs for, in {path}, could not be read: {error}.") from None
    return lines[:MOST]


def _path(key: Path) -> Path:
    return key.with_name(f"{key.name}.logs")
