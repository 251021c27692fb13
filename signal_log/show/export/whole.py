"""An export of the whole log: what the table has, and in order with it what was pruned into the archive.

Each stretch of ids is read from the table first and from the archive then, which has an event before the table loses
it. So nothing is left out that is pruned meanwhile; and what the table has is not taken from the archive.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from signal_log.audit.archived_event import event_of
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.models import SignalEvent
from signal_log.seal.canonical import timestamp
from signal_log.seal.iceberg.opening import INSTALL, open_archive
from signal_log.seal.iceberg.place import read_place
from signal_log.seal.stored import names_of_log
from signal_log.show.query.archive_columns import can_answer, in_columns
from signal_log.show.query.archive_reach import reaches_to
from signal_log.show.replica import Lag, lag, lag_of
from signal_log.store.export import Export, Selection
from signal_log.store.read import as_mapping
from signal_log.store.span import LARGEST_ID

if TYPE_CHECKING:
    from signal_log.seal.archive import Line

Pages = Iterator[list[SignalEvent]]


@dataclass(slots=True)
class WholeExport:
    """One export, as ``store.export`` has it, with what the archive has between it."""

    export: Export
    place: str = ""
    """The archive that is read; empty if it had nothing of what was selected."""
    archived: int = 0
    """How many events came from there so far."""
    left_out: str = ""
    """Why the archive is not read, though it has events that the table has not."""
    behind: Lag | None = None
    """How far the replica is behind that it is read from, if it is."""
    _top: int = 0
    """Up to which id something was pruned, as far as was looked."""
    _lines: Iterator[list[Line]] = field(default_factory=lambda: iter(()), repr=False)
    _ahead: list[Line] = field(default_factory=list, repr=False)

    @classmethod
    def begin(cls, selection: Selection) -> WholeExport:
        """Start an export of the log as it is now.

        Raises ``ProofError`` where the archive is needed and cannot be read: half of a log is no export of it.
        """
        top = reaches_to()
        export = Export.begin(selection)
        begun = cls(export, behind=_behind(export), _top=top)
        low = selection.after or 0
        if low + 1 < _end(selection, top):
            begun.place = read_place(str(conf.ARCHIVE)).location
            if can_answer(selection.filters):
                begun._lines = _stream(selection, low, top)
            else:
                said = (
                    f"Without what was pruned into the archive {begun.place}, which has neither times (took) nor pins."
                )
                begun.place, begun.left_out = "", said
        return begun

    def about(self) -> dict[str, Any]:
        """The export's metadata, as written to its file."""
        told = {"archive": self.place, "left_out": self.left_out}
        about = self.export.about() | {name: text for name, text in told.items() if text}
        if self.behind is None:
            return about
        ends = self.behind.reached and timestamp(self.behind.reached)
        said = (
            f"Read from a replica, which was {self.behind.number} behind the log. When it has the rest, export that "
            f"with after={about['up_to']}."
        )
        return about | {"at": ends or about["at"], "replica": {"behind": self.behind.behind, "said": said}}

    def pages(self) -> Pages:
        """The events in order of id, page by page; raises ``ProofError`` where the archive fails on the way."""
        read = self.export.selection.after or 0
        for page, reached in self.export.stretches():
            self._look_again(read)
            rest, those = page, {event.pk for event in page}
            for found in self._archived(reached, those):
                last = found[-1].pk
                before = [event for event in rest if event.pk <= last]
                rest = rest[len(before) :]
                yield sorted([*before, *found], key=lambda event: event.pk)
            yield rest
            read = reached
        yield from self._archived(LARGEST_ID, ())

    def _look_again(self, read: int) -> None:
        """Follow what a prune removes meanwhile, of what was not read yet."""
        top = reaches_to()
        if top > self._top and can_answer(self.export.selection.filters):
            more = _stream(self.export.selection, max(read, self._top), min(top, self.export.snapshot.up_to))
            self._lines, self._top = chain(self._lines, more), top

    def _archived(self, reached: int, those: Container[int]) -> Pages:
        """What the archive has up to an id, but for what was read already: the table has been, up to there."""
        while lines := self._ahead or next(self._lines, []):
            ours = [line for line in lines if (line.id or 0) <= reached]
            self._ahead = lines[len(ours) :]
            if found := self._gone([line for line in ours if line.id not in those]):
                self.archived += len(found)
                yield found
            if self._ahead:
                return

    def _gone(self, lines: list[Line]) -> list[SignalEvent]:
        """Those of some archived events that match, and that the table has not."""
        found = [event_of(line) for line in lines]
        matches = self.export.selection.filters.matches
        found = [event for event in found if matches(as_mapping(event))]
        kept = SignalEvent.objects.using(self.export.alias).filter(pk__in=[event.pk for event in found])
        there = set(kept.order_by().values_list("pk", flat=True)) if found else set()
        return [event for event in found if event.pk not in there]


def _behind(export: Export) -> Lag | None:
    """How far the snapshot is behind the log; None where the replica that it is of, if any, had everything."""
    said = lag()
    if said is None or not said.behind:
        return None
    now = lag_of(export.alias, export.snapshot.up_to)  # it may have caught up since
    return now if now.behind else None


def _end(selection: Selection, top: int) -> int:
    """Below which id an archive that has events up to an id is asked."""
    return min(top + 1, LARGEST_ID if selection.before is None else selection.before)


def _stream(selection: Selection, low: int, top: int) -> Iterator[list[Line]]:
    """What the archive has above an id and up to another that may match; raises ``ProofError``."""
    try:
        from signal_log.seal.iceberg.streaming import stream

        wanted = in_columns(selection.filters, selection.since, selection.until)
        archive = open_archive(str(conf.ARCHIVE), names_of_log())
        return stream(archive, wanted, above=low, below=_end(selection, top))
    except (ProofError, ImportError) as error:
        why = INSTALL if isinstance(error, ImportError) else error
        raise ProofError(
            f"{why} Events up to {top} were pruned into it. Export again when it can be read, or what is left in the "
            f"table, which is complete after={top}."
        ) from error
