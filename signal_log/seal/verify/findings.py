"""What verification found, in sentences with ids and indexes, for people and as JSON (pure; no Django)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from signal_log.seal.ranges import Range, Ranges, format_indexes

MODIFIED: Final = "modified"
MISSING: Final = "missing"
INSERTED: Final = "inserted"
REORDERED: Final = "reordered"
RENUMBERED: Final = "renumbered"
MAINTENANCE: Final = "maintenance"
ARCHIVE: Final = "archive"
HIDDEN: Final = "hidden"
REDACTED: Final = "redacted"
DIGEST: Final = "digest"
TILE: Final = "tile"
TREE: Final = "tree"
CHECKPOINT: Final = "checkpoint"
SIGNATURE: Final = "signature"
REWRITTEN: Final = "rewritten"
COSIGNATURE: Final = "cosignature"
TIMESTAMP: Final = "timestamp"
REWOUND: Final = "rewound"
FORK: Final = "fork"
GENERATION: Final = "generation"
KINDS: Final = (
    MODIFIED, MISSING, INSERTED, REORDERED, RENUMBERED, MAINTENANCE, ARCHIVE, HIDDEN, REDACTED, DIGEST, TILE, TREE,
    CHECKPOINT, SIGNATURE, REWRITTEN, COSIGNATURE, TIMESTAMP, REWOUND, FORK, GENERATION,
)  # fmt: skip
"""Kinds of findings; each means that the log was tampered with."""
MOST_RANGES: Final = 10_000
"""So many ranges of a kind are kept; what comes after is counted."""
MOST_FINDINGS: Final = 1_000
MOST_TEXT: Final = 4_000
"""Characters of ids in one finding."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    kind: str
    text: str
    events: str = ""
    """Ids of rows, as ranges."""
    indexes: str = ""
    """Leaves, by generation."""
    checkpoints: str = ""
    """Numbers of checkpoints."""

    def as_json(self) -> dict[str, Any]:
        """Without what is empty."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}


@dataclass(slots=True)
class Places:
    """Rows and leaves of one kind of finding."""

    events: Ranges = field(default_factory=Ranges)
    indexes: dict[int, Ranges] = field(default_factory=dict)
    count: int = 0

    def add(self, events: Range | None, index: Range | None, generation: int) -> None:
        """Add one."""
        self.count += 1
        if events is not None and len(self.events) < MOST_RANGES:
            self.events.add(*events)
        if index is not None and len(of := self.indexes.setdefault(generation, Ranges())) < MOST_RANGES:
            of.add(*index)


@dataclass(slots=True)
class Report:
    """All that one run found, and what it could not check."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What somebody should know, though nothing is wrong with it."""
    limits: list[str] = field(default_factory=list)
    """What nobody can tell, as no key or witness was named: it is said instead of 'intact'."""
    acknowledged: list[str] = field(default_factory=list)
    """What is missing, and who has said that he knows: it is a part of the verdict."""
    unchecked: list[str] = field(default_factory=list)
    """What should have been checked and could not be."""
    dropped: int = 0

    def find(self, kind: str, text: str, *, events: Ranges | None = None, indexes: dict[int, Ranges] | None = None,
             checkpoints: Ranges | None = None) -> None:  # fmt: skip
        """Add a finding; of very many only the number."""
        if len(self.findings) >= MOST_FINDINGS:
            self.dropped += 1
            return
        self.findings.append(
            Finding(kind, text, cut(str(events or "")), cut(format_indexes(indexes or {})), cut(str(checkpoints or "")))
        )


def cut(text: str) -> str:
    """No longer than anybody can read."""
    return text if len(text) <= MOST_TEXT else f"{text[: text.rindex(',', 0, MOST_TEXT)]},…"


def listed(sentences: Iterable[str]) -> str:
    """Sentences on lines of their own."""
    return "\n".join(sentences)
