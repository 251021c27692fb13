"""Which kind of archive is where: a table of ``signal_archive``, or ``signal_prune``'s files of lines.

A folder whose disk is not mounted looks like one in which nothing was archived yet; what the log's events tell, and the
setting ``ARCHIVE``, say that something was.
"""

from __future__ import annotations

from os import listdir
from os.path import isdir
from pathlib import Path

from signal_log.audit.told import ARCHIVED
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.models import SignalEvent
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
    is_empty = isdir(folder) and not listdir(folder)
    what = "is empty" if is_empty else f"has no {CATALOG_FILE}" if isdir(folder) else "is not there"
    return (
        f"{folder} {what}, where an archive of signal_archive should be: most likely its disk is not mounted. Mount "
        "it, and run this again."
    )
