"""Opens an Iceberg archive, or says in words why it cannot be opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from signal_log.errors import ProofError
from signal_log.seal.iceberg.place import read_place

if TYPE_CHECKING:
    from signal_log.seal.iceberg.table import Archive

INSTALL: Final = (
    "An archive in Iceberg tables needs packages that are not installed (the extra `archive`): "
    "pip install 'signal-log[archive]'."
)


def open_archive(url: str, names: Sequence[str], *, make: bool = False) -> Archive:
    """The archive of this log at a URL, made if asked for and not there; raises ``ProofError``.

    ``names`` is what the log is called and was called before, the newest last; an archive of another log is refused.
    """
    place = read_place(url)
    if not names:
        raise ProofError("Nothing of this log is sealed, and only sealed events are archived: run signal_seal first.")
    try:
        from signal_log.seal.iceberg import catalog
    except ImportError as error:
        raise ProofError(INSTALL) from error
    return catalog.open_table(place, names, make=make)
