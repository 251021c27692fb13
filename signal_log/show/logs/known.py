"""Which log a database holds, read there and never written: the names it goes by, and its identity."""

from __future__ import annotations

from dataclasses import dataclass

from signal_log.conf import conf
from signal_log.models import LogIdentity, SealTree
from signal_log.store.reading import read_from


@dataclass(frozen=True, slots=True)
class Known:
    """What a database says of the log in it."""

    identity: str
    """The same in each copy of the log, and in no other; empty if it was never given one."""
    sealed_as: str
    """The origin of its seals without the generation; empty before it is sealed."""

    @property
    def origin(self) -> str:
        """What it is called."""
        return self.sealed_as or self.identity

    def is_called(self, origin: str) -> bool:
        """Whether this is a name of it."""
        return bool(origin) and origin in (self.sealed_as, self.identity)


def known() -> Known:
    """The log in the database that is read here."""
    alias = read_from()
    identity = LogIdentity.objects.using(alias).filter(pk=1).values_list("value", flat=True).first()
    tree = SealTree.objects.using(alias).order_by("-generation").values_list("origin", flat=True).first()
    return Known(identity or "", (tree or "").rpartition("/")[0])


def own_origin(found: Known) -> str:
    """What this installation's own log is called; before it is sealed, as it will be."""
    return found.sealed_as or conf.SEAL_ORIGIN or found.identity
