"""Whether a row is what was sealed, as far as the log's own tree can tell: what acts upon a row's values asks first."""

from __future__ import annotations

from typing import Final

from signal_log.models import SignalEvent
from signal_log.seal.canonical import row_holds
from signal_log.seal.stored import Places, trees

_COLUMNS: Final = tuple(one.attname for one in SignalEvent._meta.concrete_fields)


def gives_its_digest(row: SignalEvent) -> bool:
    """Whether a row, redacted or not, gives the digest beside it."""
    values = {name: getattr(row, name) for name in _COLUMNS}
    kept = bytes(row.kept_hashes) if row.kept_hashes else None
    return row_holds(values, bytes(row.salt), kept, bytes(row.digest))


class Sealed:
    """Tells of rows, in the order of their ids, whether they are as they were sealed, or are not sealed yet."""

    def __init__(self) -> None:
        self._places = Places()
        self._reached = max((tree.last_id for tree in trees()), default=0)

    def has(self, row: SignalEvent) -> bool:
        """Whether a row is as it was written: it gives its digest and, if it is old enough, that is a leaf."""
        if not gives_its_digest(row):
            return False
        return row.pk > self._reached or self._places.of(row.pk, bytes(row.digest)) is not None
