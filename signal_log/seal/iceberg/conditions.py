"""What is asked of an archive, in SQL of its columns; pages state it without the packages that read one (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signal_log.seal.iceberg.part import Part


@dataclass(frozen=True, slots=True)
class Conditions:
    """What rows have to be: clauses of SQL, all of which hold, with what stands for their question marks."""

    clauses: Sequence[str] = ()
    values: Sequence[Any] = ()
    since: datetime | None = None
    until: datetime | None = None
    """Within which time they happened, which is among the clauses: files without such a time are not read."""

    def also(self, other: Conditions | None) -> Conditions:
        """These conditions and those of another one, which has no time of its own."""
        if other is None:
            return self
        return Conditions([*self.clauses, *other.clauses], [*self.values, *other.values], self.since, self.until)

    def may_be_in(self, part: Part) -> bool:
        """Whether a file may have such rows, by what the table's metadata say of its times."""
        is_early = self.since is not None and part.latest is not None and part.latest < self.since
        is_late = self.until is not None and part.earliest is not None and part.earliest > self.until
        return not (is_early or is_late)
