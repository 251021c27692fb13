"""What a catalog or storage raised is said with its likely cause, and without a password."""

import errno
import os

import pytest

from signal_log.errors import ProofError
from signal_log.seal.iceberg.explained import explained
from signal_log.seal.iceberg.place import read_place


def said(error: BaseException, catalog: str = "sqlite:////srv/catalog.db") -> str:
    """The sentence."""
    with pytest.raises(ProofError) as told, explained(read_place(f"/srv/archive?catalog={catalog}"), "written"):
        raise error
    return str(told.value)


def system(number: int) -> OSError:
    """What the system raises."""
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (system(errno.ENOSPC), "Its disk is full: make room there."),
        (system(errno.EDQUOT), "Its disk is full: make room there."),
        (RuntimeError("(sqlite3.OperationalError) database or disk is full"), "Its disk is full: make room there."),
        (RuntimeError("Detail: [errno 28] No space left on device"), "Its disk is full: make room there."),
        (system(errno.ENOENT), "its disk is not mounted, or somebody has moved or removed it."),
        (system(errno.EACCES), "This process has no right to that"),
        (system(errno.EROFS), "Its disk is mounted read-only"),
        (system(errno.ECONNREFUSED), "The storage or its catalog is down, or its address is wrong."),
        (RuntimeError('FATAL:  password authentication failed for user "u"'), "PostgreSQL does not let this process"),
        (RuntimeError("fe_sendauth: no password supplied"), "PostgreSQL does not let this process into the catalog"),
        (RuntimeError("no idea"), "Likely cause: the storage or its catalog is down, or its address is wrong."),
    ],
)
def test_the_cause_is_that_of_the_number_of_the_system(error, words):
    """A disk that is full is named where it is full, and nowhere else."""
    text = said(error)
    assert text.startswith("The archive /srv/archive cannot be written: ")
    assert words in text
    assert ("full" in text) == ("full" in words)


def test_the_number_is_looked_for_behind_the_error_too():
    """As what is raised may be a library's own, from the system's."""
    error = RuntimeError("cannot connect")
    error.__context__ = ValueError("retries")
    error.__context__.__cause__ = system(errno.ENOSPC)
    assert said(error).endswith(
        "cannot connect. Its disk is full: make room there. Nothing is lost; run it again then."
    )


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach postgresql://u:PASS%20W0RD@host/c",
        "no role u with password='PASS W0RD'",
        "u:PASS%20W0RD is no role",
    ],
)
def test_a_password_is_not_said(text):
    """Neither in an address nor without one."""
    text = said(RuntimeError(text), catalog="postgresql://u:PASS%2520W0RD@host/c")
    assert "…" in text
    assert "W0RD" not in text
