"""Archives sealed events, alone and told of by an event: whoever redacts must know which archives there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.db import connections

from signal_log.audit.own_events import ARCHIVED, tell
from signal_log.audit.this_database import place
from signal_log.audit.which_archive import must_not_be_away
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.seal import archive as folders
from signal_log.seal.elected import ARCHIVE, resign, stand
from signal_log.seal.iceberg.opening import open_archive
from signal_log.seal.iceberg.place import read_place
from signal_log.seal.ranges import format_indexes
from signal_log.seal.stored import names_of_log

if TYPE_CHECKING:
    from signal_log.seal.iceberg.writing import Progress, Written

BUSY: Final = (
    "Another signal_archive or signal_redact is at work, and only one of them may change archives at a time. "
    "Run it again when that has ended."
)


@contextmanager
def alone() -> Iterator[None]:
    """Keep everybody else from changing archives; raises ``ProofError`` if somebody does."""
    if not stand(ARCHIVE):
        raise ProofError(BUSY)
    try:
        yield
    finally:
        resign(ARCHIVE)


def archive_into(url: str, *, all_leaves: bool = False, progress: Progress) -> Written:
    """Write what is due into the archive at a URL, which is made if it is not there; raises ``ProofError``."""
    where = read_place(url)
    if where.folder is not None and where.folder.is_dir() and folders.manifest_files(where.folder):
        raise ProofError(
            f"{where.folder} holds an archive of signal_prune, in files of lines. Give this one a folder of its own."
        )
    must_not_be_away(where)
    with alone():
        archive = open_archive(url, names_of_log(), make=True)
        from signal_log.seal.iceberg.writing import Written, write

        done = Written()
        try:
            write(archive, done, all_leaves=all_leaves, progress=progress)
        finally:
            _tell(where.location, done)
    return done


def _tell(location: str, done: Written) -> None:
    """Also where the disk was full on the way: what is there by now has to be found by whoever redacts."""
    if done.leaves:
        told = {
            "archive": location, "database": place(connections[conf.DATABASE]), "indexes": format_indexes(done.leaves),
        }  # fmt: skip
        tell(ARCHIVED, told, events=done.events)
