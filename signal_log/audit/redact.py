"""Erases a person from the log, batch by batch, so that every event still verifies and each batch tells of itself.

Where others' events name them comes first, then what belongs to them alone, then their own events: these know the
names, so an interrupted run finds the same when it is run again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.db import connections
from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Cast

from signal_log.audit import beside, hold
from signal_log.audit.archived import rewrites
from signal_log.audit.erase import Change, Values, change_of, kept_hashes, named_in_header, names_key
from signal_log.audit.guard.events import collect
from signal_log.audit.rights import must_be_able_to_change_log
from signal_log.audit.whom import Whom, exists
from signal_log.capture.model.snapshot import clean
from signal_log.capture.model.unlogged import unlogged
from signal_log.conf import conf
from signal_log.errors import RedactionError
from signal_log.event import MAINTENANCE
from signal_log.maintenance import maintenance
from signal_log.models import SignalEvent
from signal_log.seal.canonical import canonical
from signal_log.seal.ranges import Ranges
from signal_log.store.read import events
from signal_log.vendor import vendor_of

COMMAND: Final = "signal_redact"
ROWS_A_BATCH: Final = 500
ROWS_A_PAGE: Final = 2_000
LONGEST_REASON: Final = 2_000
MOST_ROUNDS: Final = 10
"""What others write meanwhile is looked through as often."""
EXAMPLES: Final = 5

_TEXTS: Final = (
    "object_pk", "actor_pk", "request_id", "object_repr", "actor_repr", "error", "path", "remote_addr", "call_site",
    "source", "process", "caused_by", "method",
)  # fmt: skip
_COLUMNS: Final = tuple(one.attname for one in SignalEvent._meta.concrete_fields)


@dataclass
class Report:
    """What a redaction did or, in a dry run, would do."""

    erased: Ranges = field(default_factory=Ranges)
    masked: Ranges = field(default_factory=Ranges)
    tampered: Ranges = field(default_factory=Ranges)
    """Rows that do not give their digest: they stay as they are, as evidence."""
    held: Counter[str] = field(default_factory=Counter)
    """How many events each hold keeps."""
    named_in_header: Ranges = field(default_factory=Ranges)
    maintenance: Ranges = field(default_factory=Ranges)
    """Events of maintenance that they caused, which stay whole."""
    archived: Ranges = field(default_factory=Ranges)
    """Events in archives that were erased or masked there."""
    files: int = 0
    """In so many files."""
    unreached: list[str] = field(default_factory=list)
    """Archives that a prune has written, and that are not there."""
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
    whom: Whom, reason: str, *, dry_run: bool = False, archives: Sequence[Path] = (), progress: Progress = _quiet
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
    return _Run(whom, reason, dry_run=dry_run, progress=progress).done(archives)


def checked_reason(reason: str, whom: Whom) -> str:
    """The reason, which stays for ever and therefore must not name them; raises ``RedactionError``."""
    reason = clean(reason.strip())
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
    return [str(one) for one in whom.things if exists(one)]


class _Run:
    def __init__(self, whom: Whom, reason: str, *, dry_run: bool, progress: Progress) -> None:
        self.whom = whom
        self.reason = reason
        self.dry_run = dry_run
        self.progress = progress
        self.report = Report()
        self.connection = connections[conf.DATABASE]
        self.holds = hold.current()
        self.seen_held: set[int] = set()
        self.files: set[Path] = set()

    def done(self, archives: Sequence[Path]) -> Report:
        with unlogged(self.connection):
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

    def _archived(self, archives: Sequence[Path], *, owned: bool) -> None:
        """Erase and mask them in archives, each file by an event of its own."""
        first = self.whom.things[0]
        for found in rewrites(archives, self.whom, self._may, owned=owned):
            self.report.archived.update(Ranges.of(found.changes))
            self.files.add(found.folder / found.manifest.name)
            self.report.files = len(self.files)
            if self.dry_run:
                continue
            rows = {"events": str(Ranges.of(found.changes)), "archive": str(found.folder / found.manifest.name)}
            # The event first: what it does not name was not redacted, and what it names may be done again.
            with maintenance(
                self.connection,
                COMMAND,
                why=self.reason,
                rows=rows,
                of=first.label,
                what="erased" if owned else "masked",
            ) as opening:
                at = events().values_list("occurred_at", flat=True).get(pk=opening)
            found.done(at)

    def _others(self, after: int, newest: int) -> bool:
        """Mask them in others' events up to an id; whether there was anything to look through."""
        batch: list[int] = []
        looked = False
        for page in self._candidates(after, newest):
            looked = True
            for row in self._rows(events().filter(pk__in=page)):
                if self.whom.owns(row):
                    continue
                self._note(row)
                change = change_of(_as_dict(row), self.whom, owned=False)
                if change is not None and self._may(row):
                    batch.append(row.pk)
                    self._keep_example(row.pk, change)
                if len(batch) == ROWS_A_BATCH:
                    self._change(batch, owned=False)
                    batch = []
        self._change(batch, owned=False)
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
            batch = []
            for row in self._rows(events().filter(pk__in=left[at : at + ROWS_A_BATCH])):
                self._note(row)
                if self._may(row) and change_of(_as_dict(row), self.whom, owned=True):
                    batch.append(row.pk)
            self._change(batch, owned=True)
            self.progress(at, len(left))

    def _change(self, keys: list[int], *, owned: bool) -> None:
        """Change these events in one transaction, which begins with the event that names them."""
        if not keys:
            return
        done = self.report.erased if owned else self.report.masked
        done.update(Ranges.of(keys))
        if self.dry_run:
            return
        first = self.whom.things[0]
        rows = {"events": str(Ranges.of(keys))}
        what = "erased" if owned else "masked"
        with maintenance(self.connection, COMMAND, why=self.reason, rows=rows, of=first.label, what=what) as opening:
            at = events().values_list("occurred_at", flat=True).get(pk=opening)
            if held := self._held(keys):
                raise RedactionError(f"Meanwhile {held} came into force; run it again.")
            for row in self._rows(events().filter(pk__in=keys).select_for_update()):
                values = _as_dict(row)
                change = change_of(values, self.whom, owned=owned)
                hashes = kept_hashes(values)
                if change is not None and hashes is not None:
                    new = {**change.values, "kept_hashes": hashes, "redacted_at": at}
                    events().filter(pk=row.pk).update(**self._stored(new))

    def _stored(self, values: Values) -> dict[str, Any]:
        """The values as the recorder stores them: Django would escape JSON on SQLite, and a search would miss it."""
        if vendor_of(self.connection) != "sqlite":
            return values
        return {
            name: Value(canonical(value).decode(), TextField()) if isinstance(value, (dict, list)) else value
            for name, value in values.items()
        }

    def _held(self, keys: list[int]) -> str:
        holds = hold.current_until_commit()
        if holds:
            for row in self._rows(events().filter(pk__in=keys)):
                if (found := holds.on(row)) is not None:
                    return hold.shown(found)
        return ""

    def _may(self, row: SignalEvent) -> bool:
        """Whether an event may be changed; why not is noted."""
        found = self.holds.on(row)
        if found is not None:
            if row.pk not in self.seen_held:
                self.seen_held.add(row.pk)
                self.report.held[hold.shown(found)] += 1
            return False
        if row.signal != MAINTENANCE and kept_hashes(_as_dict(row)) is None:
            self.report.tampered.add(row.pk)
            return False
        return True

    def _keep_example(self, pk: int, change: Change) -> None:
        if len(self.report.examples) < EXAMPLES:
            name = next(name for name in change.values if name != "salt")
            self.report.examples.append((pk, name, change.values[name]))

    def _note(self, row: SignalEvent) -> None:
        """What stays although it names them."""
        if row.signal == MAINTENANCE:
            self.report.maintenance.add(row.pk)
        elif named_in_header(_as_dict(row), self.whom):
            self.report.named_in_header.add(row.pk)

    def _rows(self, found: QuerySet[SignalEvent]) -> Iterator[SignalEvent]:
        yield from found.order_by("pk")


def _as_dict(row: SignalEvent) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _COLUMNS}
