"""What a run of verification is to look at, where it is, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from signal_log.models import SealTree
from signal_log.seal.verify.events import Seen
from signal_log.seal.verify.findings import Report

INTACT: Final = "intact"
TAMPERED: Final = "tampered"
UNCHECKED: Final = "unchecked"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be verified, and by what."""

    vkeys: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()
    """Addresses; ``URL VKEY``, or the URL alone."""
    checkpoints: tuple[Path, ...] = ()
    archives: tuple[Path, ...] = ()
    """Folders with what was pruned."""
    tables: tuple[str, ...] = ()
    """URLs of Iceberg archives."""
    since: int = 0
    """Rows below this index are not compared; trees and checkpoints always are."""
    shard: tuple[int, int] = (1, 1)


@dataclass(slots=True)
class Result:
    """What one run came to."""

    report: Report
    trees: list[SealTree] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)
    facts: list[dict[str, Any]] = field(default_factory=list)
    is_whole: bool = True
    """Whether all of the log was compared, and no part of it was left out."""
    looked_at: list[str] = field(default_factory=list)
    """What of the world outside the database was looked at, each in a line that says the same each time."""
    begun: set[int] = field(default_factory=set)
    """Generations that were begun as they have to be, so that the one before need not have all of its rows."""

    @property
    def verdict(self) -> str:
        """Tampering that was found counts, whatever else could not be checked."""
        if self.report.findings:
            return TAMPERED
        return UNCHECKED if self.report.unchecked else INTACT


@dataclass(slots=True)
class Progress:
    """Where a run is, for whoever shows or keeps it."""

    total: int = 0
    show: Callable[[str, int, int, int], None] = lambda what, added, done, total: None
    """What is compared, how much was added, how much is done, and of how much."""
    passed: Callable[[Result, int, int, int], None] = lambda result, generation, tiles, last: None
