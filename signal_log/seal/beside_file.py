"""Locks on files beside SQLite's database: one thread of one process has one, and it ends with either (no Django).

It is the operating system's record lock, which a forked process does not inherit and a killed one does not leave
behind; the file itself stays, and is empty. Where no file can be locked, everybody is told that they have the lock.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, Thread, current_thread
from typing import Final

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SUFFIX: Final = "-sealer"

logger: Final = logging.getLogger("signal_log.seal")


@dataclass
class _Held:
    """The lock of a file, and the thread that has it in this process."""

    file: int
    thread: Thread


_held: Final[dict[str, _Held]] = {}
"""By the path of the file that is locked."""
_one = Lock()
_told: Final[set[str]] = set()


def take(database: str, suffix: str = SUFFIX) -> bool:
    """Take a lock of this database for this thread, unless it has it; False if another thread or process does."""
    path = database + suffix
    with _one:
        held = _held.get(path)
        if held is not None:
            if held.thread is not current_thread() and held.thread.is_alive():
                return False
            held.thread = current_thread()
            return True
        try:
            file = locked(database, suffix)
        except OSError as error:
            _tell(path, error.strerror or str(error))
            return True
        if file is None:
            return False
        _held[path] = _Held(file, current_thread())
        return True


def give_back(suffix: str = SUFFIX) -> None:
    """Give back what this thread has of the locks with this suffix."""
    with _one:
        for path, held in [*_held.items()]:
            if held.thread is current_thread() and path.endswith(suffix):
                os.close(_held.pop(path).file)


def locked(database: str, suffix: str) -> int | None:
    """The open file, with its lock; None if another process has that. Raises ``OSError`` where it cannot be locked.

    Whoever has it must not open the same file again: closing that would end the lock.
    """
    if fcntl is None:
        raise OSError("this system has no record locks")
    owner = os.stat(database)
    file = os.open(database + suffix, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # Who may write the database may take the lock: a command that root has run must not lock servers out.
        with suppress(OSError):
            if os.geteuid() == 0:
                os.fchown(file, owner.st_uid, owner.st_gid)
            os.fchmod(file, owner.st_mode & 0o666)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # both mean that it is taken
        os.close(file)
        return None
    except BaseException:
        os.close(file)
        raise
    return file


def _tell(path: str, why: str) -> None:
    if path not in _told:
        _told.add(path)
        logger.warning(
            "%s cannot be locked (%s), so several processes may do the same work side by side. That costs time, and "
            "harms nothing: of two steps at once only one counts.",
            path, why,
        )  # fmt: skip


def _forked() -> None:
    """A forked process has neither the lock nor the other threads."""
    global _one  # noqa: PLW0603  it may have been held when the process forked
    _one = Lock()
    for held in _held.values():
        with suppress(OSError):
            os.close(held.file)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
