"""Which kind of archive is where: a table of ``signal_archive``, or ``signal_prune``'s files of lines.

A folder whose disk is not mounted looks like one in which nothing was archived yet; what the log's events tell, and the
setting ``ARCHIVE``, say that something was.
"""

from __future__ import annotations

from os import listdir
from os.path import isdir
from pathlib import Path

from signal_log.audit.own_events import ARCHIVED
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.event import MAINTENANCE
from signal_log.models import SignalEvent
from signal_log.seal.archive import manifest_files
from signal_log.seal.iceberg.place import (
    CATALOG_FILE,
    NAMESPACE,
    Place,
    is_iceberg,
    must_be_whole,
    read_place,
)
from signal_log.store.read import events


def is_table(given: str) -> bool:
    """Whether what a command was given is an archive of ``signal_archive``.

    Raises ``ProofError`` for a relative folder, and for one in which an archive of that kind should be and is not.
    """
    if is_iceberg(given):
        return True
    must_be_whole(given)
    folder = str(Path(given).resolve())
    configured = read_place(str(conf.ARCHIVE)).location if conf.ARCHIVE else ""
    if folder in told_tables():
        raise ProofError(away(folder))
    if folder == configured:
        raise ProofError(f"{away(folder)} If nothing was archived there yet: signal_archive makes it.")
    return False


def must_not_be_away(place: Place) -> None:
    """Refuse to make an archive where the log's events say that one is: raises ``ProofError``."""
    file = place.catalog_file
    is_in_it = place.folder is not None and file == place.folder / CATALOG_FILE
    if is_in_it and file is not None and not file.exists() and place.location in told_tables():
        raise ProofError(f"{away(place.location)} If the archive is lost, archive into another place.")


def must_be_known(folder: Path, *, begins: bool) -> None:
    """Refuse to begin files of lines where the log's events say that an archive is, here or in a table elsewhere.

    A folder that has such files is gone on with, and ``begins`` says that a first one beside the tables is meant.
    Raises ``ProofError``.
    """
    if folder.is_dir() and manifest_files(folder):
        return
    tables = told_tables()
    lines = told_by_prunes().keys() - tables.keys()
    if str(folder) in lines:
        raise ProofError(
            f"{folder} {_lacks(str(folder), 'file of an archive')}, where earlier prunes wrote theirs: most likely its "
            "disk is not mounted. Mount it, and run this again. If the archive is lost, archive into another place."
        )
    if tables and not lines and not begins:
        raise ProofError(
            f"{folder} has no archive, and those of this log are of signal_archive: {', '.join(tables)}. Give one of "
            f"these, or --begin, if files of signal_prune's own are to begin in {folder}: pages do not read them."
        )


def told_by_prunes() -> dict[str, str]:
    """The places of archives, as the events of prunes tell of them, and which database wrote there last."""
    own = events().filter(sender=SignalEvent._meta.label, object_pk="")
    pruned = own.filter(signal=MAINTENANCE, source="command:signal_prune")
    found = {}
    for labels in pruned.order_by("pk").values_list("labels", flat=True).iterator():
        if isinstance(labels, dict) and isinstance(labels.get("archive"), str):
            found[labels["archive"].rpartition("/")[0]] = labels.get("database", "")
    return found


def told_tables() -> dict[str, str]:
    """The places of archives of ``signal_archive``, as events tell of them, and which database wrote there last."""
    own = events().filter(sender=SignalEvent._meta.label, object_pk="", signal=ARCHIVED)
    return {
        labels["archive"]: labels.get("database", "")
        for labels in own.order_by("pk").values_list("labels", flat=True)
        if isinstance(labels, dict) and isinstance(labels.get("archive"), str)
    }


def away(folder: str) -> str:
    """That there is no table in a folder where one should be, and why most likely."""
    if isdir(f"{folder}/{NAMESPACE}"):
        return (
            f"The archive {folder} has its catalog elsewhere: give its whole URL, with ?catalog=…, as "
            'SIGNAL_LOG["ARCHIVE"] has it.'
        )
    return (
        f"{folder} {_lacks(folder, CATALOG_FILE)}, where an archive of signal_archive should be: most likely its disk "
        "is not mounted. Mount it, and run this again."
    )


def _lacks(folder: str, what: str) -> str:
    if not isdir(folder):
        return "is not there"
    return f"has no {what}" if listdir(folder) else "is empty"
