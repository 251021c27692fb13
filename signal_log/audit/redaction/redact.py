"""Erases a person from the log, batch by batch, so that every event still verifies and each batch tells of itself.

Where others' events name them comes first, then what belongs to them alone, then their own events: these know the
names, so an interrupted run finds the same when it is run again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from django.db import connections
from django.db.models import TextField
from django.db.models.functions import Cast

from signal_log.audit import hold
from signal_log.audit.archiving import alone
from signal_log.audit.guard.events import collect
from signal_log.audit.holds_in_force import Hold
from signal_log.audit.reason_text import said
from signal_log.audit.redaction import beside
from signal_log.audit.redaction.archive_files import Files
from signal_log.audit.redaction.archived import archived_events, rewrites
from signal_log.audit.redaction.batch import ROWS_A_BATCH, as_dict, write
from signal_log.audit.redaction.erase import Change, change_of, named_in_header, names_key, new_values, of_hold
from signal_log.audit.redaction.whom import Whom
from signal_log.audit.rights import must_be_able_to_change_log
from signal_log.capture.model.snapshot import clean
from signal_log.capture.model.unlogged import unlogged
from signal_log.conf import conf
from signal_log.errors import RedactionError
from signal_log.event import MAINTENANCE
from signal_log.models import SignalEvent
from signal_log.seal.as_sealed import Sealed
from signal_log.seal.ranges import Ranges
from signal_log.store.read import events

ROWS_A_PAGE: Final = 2_000
LONGEST_REASON: Final = 2_000
MOST_ROUNDS: Final = 10
"""What others write meanwhile is looked through as often."""
EXAMPLES: Final = 5

_TEXTS: Final = (
    "object_pk", "actor_pk", "request_id", "object_repr", "actor_repr", "error", "path", "remote_addr", "call_site",
    "source", "process", "caused_by", "method",
)  # fmt: skip


@dataclass
class Report:
    """What a redaction did or, in a dry run, would do."""

    erased: Ranges = field(default_factory=Ranges)
    masked: Ranges = field(default_factory=Ranges)
    tampered: Ranges = field(default_factory=Ranges)
    """Rows that are not what was sealed: they stay as they are, as evidence."""
    held: Counter[str] = field(default_factory=Counter)
    """How many events each hold keeps."""
    named_in_header: Ranges = field(default_factory=Ranges)
    maintenance: Ranges = field(default_factory=Ranges)
    """Events of maintenance that they caused, which stay whole."""
    archived: Ranges = field(default_factory=Ranges)
    """Events in archives that were erased or masked there."""
    files: int = 0
    """In so many files."""
    archives: list[str] = field(default_factory=list)
    """Their manifests."""
    unreached: list[str] = field(default_factory=list)
    """Why archives were left, or their storage still has what was removed, each in a sentence."""
    beside: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[int, str, Any]] = field(default_factory=list)
    """Of masked values: the event's id, the column, and the value afterwards."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing was left that should have gone."""
        return not (self.tampered or self.held or self.named_in_header or self.unreached)


Progress = Callable[[int, int], object]
"""Is told up to which id the log was looked through, and where it ends."""


def _quiet(_: int, __: int) -> None:
    pass


def redact(
    whom: Whom, reason: str, *, dry_run: bool = False, archives: Sequence[Files] = (), progress: Progress = _quiet
) -> Report:
    """Erase what is about or by them and mask them elsewhere, in these archives too.

    Raises ``RedactionError`` where that is refused.
    """
    reason = checked_reason(reason, whom)
    refuse_if_held(whom)
    if not dry_run:
        must_be_able_to_change_log()
    if not dry_run:
        collect()  # what triggers have written down is not searched: only events are
    run = _Run(whom, reason, dry_run=dry_run, progress=progress)
    if dry_run:
        return run.done(archives)
    with alone():
        for one in archives:
            one.clean()
        report = run.done(archives)
        report.unreached += filter(None, (one.left() for one in archives))
        return report


def checked_reason(reason: str, whom: Whom) -> str:
    """The reason, which stays for ever and therefore must not name them; raises ``RedactionError``."""
    reason = said(clean(reason))
    if not reason:
        raise RedactionError("A redaction needs a reason, such as 'erasure request of 3 November, file 4711'.")
    if len(reason) > LONGEST_REASON:
        raise RedactionError(f"The reason is longer than {LONGEST_REASON:,} characters.")
    if whom.names.masked(reason) != reason or names_key(reason, whom):
        raise RedactionError("The reason names whom it is about, and would stay. Say it without name, address and key.")
    return reason


def refuse_if_held(whom: Whom) -> None:
    """Raises ``RedactionError`` if a hold is on them."""
    holds = hold.current()
    for one in whom.things:
        if (found := holds.over(one)) is not None:
            raise RedactionError(f"{one} cannot be redacted: {hold.shown(found)} is in force. signal_hold releases it.")


def still_exist(whom: Whom) -> list[str]:
    """Which of the rows are still there, so that what happens to them is recorded with their names."""
    return [str(one) for one in whom.things if one.row() is not None]


class _Run:
    def __init__(self, whom: Whom, reason: str, *, dry_run: bool, progress: Progress) -> None:
        self.whom = whom
        self.reason = reason
        self.dry_run = dry_run
        self.progress = progress
        self.report = Report()
        self.connection = connections[conf.DATABASE]
        self.holds = hold.current()
        self.held_in_archives: dict[hold.Operation, Hold] = {}
        self.seen_held: set[int] = set()
        self.sealed = Sealed()
        self.files: set[str] = set()

    def done(self, archives: Sequence[Files]) -> Report:
        with unlogged(self.connection):
            if self.holds:
                for event in archived_events(archives):
                    if (held := self.holds.on(event)) is not None:
                        self.held_in_archives[hold.operation_of(event)] = held
            self.report.beside = beside.mask(self.whom, dry_run=self.dry_run)
            self._archived(archives, owned=False)
            reached = 0
            for _ in range(MOST_ROUNDS):
                newest = events().order_by("-pk").values_list("pk", flat=True).first() or 0
                if not self._others(reached, newest):
                    break
                reached = newest
            self._archived(archives, owned=True)
            self._own()
        return self.report

    def _archived(self, archives: Sequence[Files], *, owned: bool) -> None:
        """Erase and mask them in archives, each file by events of its own."""
        for found in rewrites(archives, self.whom, partial(self._changes, owned=owned), owned=owned):
            self.report.archived.update(Ranges.of(found.changes))
            self.files.add(found.file.name)
            self.report.files = len(self.files)
            self.report.archives = sorted(self.files)
            if not self.dry_run:
                found.redact(self.connection, self.reason, self.of, owned=owned)

    @property
    def of(self) -> str:
        return self.whom.things[0].label

    def _others(self, after: int, newest: int) -> bool:
        """Mask them in others' events up to an id; whether there was anything to look through."""
        batch: list[Change] = []
        looked = False
        for page in self._candidates(after, newest):
            looked = True
            rows = [row for row in events().filter(pk__in=page).order_by("pk") if not self.whom.owns(row)]
            self._note(rows)
            for change in self._changes(rows, owned=False):
                batch.append(change)
                self._keep_example(change)
            while len(batch) >= ROWS_A_BATCH:
                self._write(batch[:ROWS_A_BATCH], owned=False)
                del batch[:ROWS_A_BATCH]
        self._write(batch, owned=False)
        return looked

    def _candidates(self, after: int, newest: int) -> Iterator[list[int]]:
        """The ids of events that may name them, a page of the log at a time."""
        casts = {f"{name}_text": Cast(name, TextField()) for name in ("changes", "labels", "origin")}
        while after < newest:
            page = events().filter(pk__gt=after, pk__lte=newest).exclude(signal=MAINTENANCE).order_by("pk")
            rows = list(page.values_list("pk", "sender", *_TEXTS, *casts.values())[:ROWS_A_PAGE])
            if not rows:
                return
            yield [row[0] for row in rows if self._may_name(row)]
            after = rows[-1][0]
            self.progress(after, newest)

    def _may_name(self, row: Sequence[Any]) -> bool:
        _, sender, *texts = row
        joined = "\n".join(text for text in texts if text)
        if self.whom.names.may_be_in(joined):
            return True
        keyed = joined if "/" in joined or any(sender in one.pointing for one in self.whom.things) else texts[-1] or ""
        labelled = texts[-2] or ""
        return any(one.key in keyed or one.key in labelled for one in self.whom.things)

    def _own(self) -> None:
        """Erase the events about and by them: first what belongs to them alone, and what says so last."""
        things = self.whom.things
        self._erase(sorted(self.whom.before_keys))
        for at in reversed(range(len(things))):
            rows = events().filter(things[at].rows)
            linking = [field for owner in things[:at] for field in owner.pointing.get(things[at].label, ())]
            telling = rows.filter(changes__has_any_keys=linking) if linking else rows.none()
            said = set(telling.values_list("pk", flat=True))
            self._erase(pk for pk in rows.order_by("pk").values_list("pk", flat=True) if pk not in said)
            self._erase(sorted(said))

    def _erase(self, keys: Iterable[int]) -> None:
        left = [pk for pk in keys if pk not in self.report.erased]
        for at in range(0, len(left), ROWS_A_BATCH):
            rows = list(events().filter(pk__in=left[at : at + ROWS_A_BATCH]).order_by("pk"))
            self._note(rows)
            of_holds = [row for row in rows if of_hold(as_dict(row))]
            self._write(list(self._changes(of_holds, owned=False)), owned=False)
            rest = [row for row in rows if row not in of_holds]
            self._write(list(self._changes(rest, owned=True)), owned=True)
            self.progress(at, len(left))

    def _write(self, changes: list[Change], *, owned: bool) -> None:
        if not changes:
            return
        done = self.report.erased if owned else self.report.masked
        done.update(Ranges.of(one.id for one in changes))
        if not self.dry_run:
            write(self.connection, changes, self.reason, self.of, owned=owned)

    def _changes(self, rows: list[SignalEvent], *, owned: bool) -> Iterator[Change]:
        """What becomes of those of some events that are to change, and may; which may not is noted."""
        wanted = []
        for row in rows:
            values = as_dict(row)
            new = new_values(values, self.whom, owned=owned)
            if new is not None:
                wanted.append((row, values, new))
        held = self.holds.among([row for row, _, _ in wanted], self.held_in_archives)
        for row, values, new in wanted:
            if row.pk in held:
                if row.pk not in self.seen_held:
                    self.seen_held.add(row.pk)
                    self.report.held[hold.shown(held[row.pk])] += 1
            elif not self.sealed.has(row) or (change := change_of(values, new, owned=owned)) is None:
                self.report.tampered.add(row.pk)
            else:
                yield change

    def _keep_example(self, change: Change) -> None:
        if len(self.report.examples) < EXAMPLES:
            name = next(name for name in change.new if name not in ("salt", "kept_hashes"))
            self.report.examples.append((change.id, name, change.new[name]))

    def _note(self, rows: Iterable[SignalEvent]) -> None:
        """What stays although it names them."""
        for row in rows:
            if row.signal == MAINTENANCE:
                self.report.maintenance.add(row.pk)
            elif named_in_header(as_dict(row), self.whom):
                self.report.named_in_header.add(row.pk)
