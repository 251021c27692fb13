"""Says in a sentence what a catalog or storage raised, with the likely cause and the next move (no Django)."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import unquote

from pyiceberg.exceptions import CommitFailedException, ForbiddenError, UnauthorizedError

from signal_log.errors import ProofError
from signal_log.seal.iceberg.place import Place

_DOWN: Final = "The storage or its catalog is down, or its address is wrong."
_ANYTHING: Final = f"Likely cause: {_DOWN[0].lower()}{_DOWN[1:]} Nothing is lost; run it again."
_FULL: Final = "Its disk is full: make room there. Nothing is lost; run it again then."
_GONE: Final = (
    "A file or folder of it is not there: most likely its disk is not mounted, or somebody has moved or removed it. "
    "Put it back, and run it again."
)
_FORBIDDEN: Final = "This process has no right to that: give its user the right to the folder, and run it again."
_READ_ONLY: Final = "Its disk is mounted read-only: mount it so that it can be written, and run it again."
_CAUSES: Final = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.ENOENT: _GONE,
    errno.ENOTDIR: _GONE,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EROFS: _READ_ONLY,
    **dict.fromkeys(
        (errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT),
        f"{_DOWN} Nothing is lost; run it again.",
    ),
}
_LOGIN: Final = (
    "PostgreSQL does not let this process into the catalog: its password is in ~/.pgpass, in the file that PGPASSFILE "
    "names, or in PGPASSWORD, and the user stands in the catalog's URL. Put that right, and run it again."
)
_SAID: Final = {
    "disk is full": _FULL,  # SQLite's
    "password authentication failed": _LOGIN,
    "no password supplied": _LOGIN,
    "no pg_hba.conf entry": _LOGIN,
}
"""Of errors without a number, by what stands in them."""
_NUMBER: Final = re.compile(r"\[errno (\d+)\]", re.IGNORECASE)
_MOST: Final = 20
"""So many errors behind an error are looked at."""


@contextmanager
def explained(place: Place, what: str = "read") -> Iterator[None]:
    """Turn whatever the catalog or the storage raises into a sentence."""
    try:
        yield
    except ProofError:
        raise
    except CommitFailedException as error:
        raise ProofError(
            f"Somebody else wrote to the archive {place.location} at the same moment, so nothing was written. "
            "Run it again."
        ) from error
    except (ForbiddenError, UnauthorizedError) as error:
        raise ProofError(
            f"The catalog of the archive {place.location} refuses: {sentence(error, place)} Give its token in the "
            "environment, as PYICEBERG_CATALOG__SIGNAL_LOG__TOKEN, or name and secret, with a colon between them, as "
            "PYICEBERG_CATALOG__SIGNAL_LOG__CREDENTIAL."
        ) from error
    except Exception as error:
        raise ProofError(
            f"The archive {place.location} cannot be {what}: {sentence(error, place)} {likely_cause(error)}"
        ) from error


def likely_cause(error: BaseException) -> str:
    """Why it most likely happened, and what to do: by the number that the system gave, if one is told anywhere."""
    behind: BaseException | None = error
    for _ in range(_MOST):
        if behind is None:
            break
        number = behind.errno if isinstance(behind, OSError) else None
        told = _NUMBER.search(str(behind))
        if cause := _CAUSES.get(number or (int(told[1]) if told else 0)):
            return cause
        if found := next((cause for words, cause in _SAID.items() if words in str(behind)), ""):
            return found
        behind = behind.__cause__ or behind.__context__
    return _ANYTHING


def sentence(error: BaseException, place: Place) -> str:
    """The first line of an error, as a sentence; an address in it may hold a password, so none is kept."""
    text = str(error).strip().partition("\n")[0][:300] or type(error).__name__
    for secret in filter(None, (place.password, unquote(place.password))):
        text = text.replace(secret, "…")
    words = ["…" if "://" in word and "@" in word else word for word in text.split(" ")]
    return f"{' '.join(words).rstrip('.')}."
