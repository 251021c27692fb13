"""One row of a cascade as it is laid out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from signal_log.event import FAILED, ROLLED_BACK
from signal_log.show.cascade.operation import AnyEvent
from signal_log.show.trace.percentiles import Standing
from signal_log.show.words import kinds
from signal_log.show.words.text import one_line

DEEPEST_INDENT: Final = 16


@dataclass(slots=True)
class Row:
    """One row of the tree.

    It is an ``operation``, ``many`` equal ones, a ``signal``, a ``receiver``, a ``more``, a ``missing`` parent or one
    that is in an ``earlier`` part. ``x`` and ``width`` are on an axis from 0 to 1,000; ``width`` is None if no time is
    known. ``own`` is ``time`` minus that of the rows below; ``position`` is what links to the row name.
    """

    what: str
    level: int
    label: str
    style: str = ""
    x: float = 0
    width: float | None = None
    time: str = ""
    own: str = ""
    error: str = ""
    event: AnyEvent | None = None
    standing: Standing | None = None
    remark: str = ""
    position: int | None = None
    queries: int = 0
    slow: bool = False
    critical: bool = False
    """Whether it ran beside others, and was the one that the save waited for."""

    @property
    def word(self) -> str:
        """The word for what an operation did."""
        return kinds.kind(self.event).word if self.event else ""

    @property
    def model(self) -> str:
        """The short name of the event's model."""
        return one_line(kinds.model_name(self.event.sender), 60) if self.event else ""

    @property
    def object(self) -> str:
        """The event's object on one line."""
        return one_line(kinds.object_name(self.event.object_repr, self.event.object_pk), 60) if self.event else ""

    @property
    def call_site(self) -> str:
        """The line of code that saved, if recorded."""
        return one_line(self.event.call_site, 120) if self.event and self.what in ("operation", "many") else ""

    @property
    def package(self) -> str:
        """The part of a receiver's path that can be omitted if space is short."""
        return self.label[: -len(self.name)] if self.name else self.label

    @property
    def name(self) -> str:
        """The last part of a receiver's path."""
        return kinds.short_name(self.label)

    @property
    def bad(self) -> str:
        """``failed`` if it raised, ``undone`` if it was rolled back, else empty."""
        if self.what == "receiver":
            return FAILED if self.error else ""
        outcome = self.event.outcome if self.event and self.what in ("operation", "many") else ""
        return {FAILED: "failed", ROLLED_BACK: "undone"}.get(outcome, "")

    @property
    def indent(self) -> int:
        """The level, up to the maximum that the style sheet supports."""
        return min(self.level, DEEPEST_INDENT)
