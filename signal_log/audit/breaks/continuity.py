"""Finds where a row's story is broken: an old value that is not the newest known one was written past the recorder.

Pure: it is handed the events of one row, oldest first, and asks nothing of a database.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

from signal_log.audit.breaks.logged_value import is_unknown, surely_differ
from signal_log.event import BASELINE, BY_HAND, COMMITTED, DATABASE, INCOMPLETE, POST_DELETE, POST_SAVE

ROW: Final = "(row)"
"""Stands for a field where the row itself was made or removed."""
THERE: Final = "there"
GONE: Final = "gone"
OF_A_ROW: Final = (POST_SAVE, POST_DELETE, "silent_insert", "silent_update", "silent_delete", BASELINE)
ENDS: Final = (POST_DELETE, "silent_delete")
PATIENCE: Final = 64
"""How many events of the row may come before the one that explains a value that was found."""
CLOCKS_DIFFER: Final = timedelta(seconds=2)


class Told(Protocol):
    """What is asked of an event; a ``SignalEvent`` has it."""

    @property
    def pk(self) -> int: ...
    @property
    def sender(self) -> str: ...
    @property
    def object_pk(self) -> str: ...
    @property
    def using(self) -> str: ...
    @property
    def signal(self) -> str: ...
    @property
    def created(self) -> bool | None: ...
    @property
    def raw(self) -> bool: ...
    @property
    def changes(self) -> Any: ...
    @property
    def overwrote(self) -> Any: ...
    @property
    def outcome(self) -> str: ...
    @property
    def origin(self) -> Any: ...
    @property
    def error(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def redacted_at(self) -> datetime | None: ...


class Event(NamedTuple):
    """The columns of an event that are asked, where a whole ``SignalEvent`` would cost more to make."""

    pk: int
    sender: str
    object_pk: str
    using: str
    signal: str
    created: bool | None
    raw: bool
    changes: Any
    overwrote: Any
    outcome: str
    origin: Any
    error: str
    source: str
    occurred_at: datetime
    redacted_at: datetime | None


class Newest(NamedTuple):
    """The newest known value of a field, and the event that tells it."""

    value: Any
    event: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Break:
    """A value that was found where another was known; both as the log has them, so masked where they are secret.

    ``field`` is ``(row)`` where the row was found ``there`` or ``gone`` against what was known. ``before`` is the id of
    the event that tells what was known, ``after`` that of the one which found something else.
    """

    label: str
    pk: str
    using: str
    field: str
    known: Any
    found: Any
    before: int
    after: int
    before_at: datetime = dataclasses.field(repr=False)
    after_at: datetime = dataclasses.field(repr=False)

    @property
    def is_of_row(self) -> bool:
        """Whether the row itself was made or removed."""
        return self.field == ROW

    def as_dict(self) -> dict[str, Any]:
        """As JSON values, for ``--json``."""
        return {
            "label": self.label, "pk": self.pk, "using": self.using, "field": self.field, "known": self.known,
            "found": self.found, "before": self.before, "after": self.after,
        }  # fmt: skip


def tells(event: Told) -> bool:
    """Whether the event describes the stored row: a committed post signal of a save or delete.

    So does a silent write with a key, which was recorded row by row, and a baseline. A signal that was sent by hand
    does not.
    """
    if event.outcome != COMMITTED or event.signal not in OF_A_ROW:
        return False
    if isinstance(event.origin, dict) and event.origin.get(BY_HAND) is True:
        return False
    return not event.signal.startswith("silent_") or event.object_pk != ""


class Chain:
    """The events of one row in one database, oldest first.

    ``in_one_table`` says that an event which creates or deletes is about the whole row, as it is not where parents and
    children have tables of their own. ``in_order`` says that the ids of events follow the order of the writes, as they
    do in the log's own database; in another, two transactions may have been recorded in the other order.
    """

    def __init__(self, *, in_one_table: bool = True, in_order: bool = True) -> None:
        self.in_one_table = in_one_table
        self.in_order = in_order
        self._known: dict[str, Newest] = {}
        self._presence: Newest | None = None
        self._latest: datetime | None = None
        self._waiting: list[tuple[int, Break]] = []
        self._seen = 0

    def add(self, event: Told) -> Iterator[Break]:
        """Take the next event, and tell which breaks are certain by now."""
        if not tells(event) and event.redacted_at is None:
            return
        self._seen += 1
        if event.redacted_at is not None or _is_vague(event):
            self._forget()
        elif event.source == DATABASE and self._latest is not None and event.occurred_at < self._latest:
            self._add_late(event)
        else:
            self._take(event)
            self._latest = event.occurred_at
        while self._waiting and self._waiting[0][0] <= self._seen:
            yield self._waiting.pop(0)[1]

    def end(self) -> Iterator[Break]:
        """The remaining breaks, when there are no more events of the row."""
        yield from (found for _, found in self._waiting)
        self._waiting.clear()

    def _forget(self) -> None:
        """What was written here is not known, or not for sure."""
        self._known.clear()
        self._presence = None

    def _take(self, event: Told) -> None:
        if self.in_one_table:
            self._take_presence(event)
        is_silent = event.signal.startswith("silent_")
        ends, created = event.signal in ENDS, event.created is True
        if created and self.in_one_table:
            self._known.clear()
        for name, old, new in _pairs(event.changes):
            newest = self._known.get(name)
            # A bulk write shows null for an old value that it could not read, and a baseline for what it cannot know; a
            # table of its own has had none.
            is_vague = old is None and is_silent and event.source != DATABASE
            is_told = not (created or is_vague or event.signal == BASELINE)
            if newest is not None and is_told and surely_differ(newest.value, old):
                if self._came_before(event, name, old, new):
                    continue
                self._note(event, name, newest, old)
            if ends or is_unknown(new):
                self._known.pop(name, None)
            else:
                self._known[name] = Newest(new, event.pk, event.occurred_at)
        if ends and self.in_one_table:
            self._known.clear()

    def _take_presence(self, event: Told) -> None:
        """A row that is made again was gone before, and one that is changed or deleted was there."""
        was, created = self._presence, event.created is True
        if was is not None and not event.raw:
            expected = GONE if created else THERE
            if was.value != expected:
                self._note(event, ROW, was, expected)
        self._presence = Newest(GONE if event.signal in ENDS else THERE, event.pk, event.occurred_at)

    def _note(self, event: Told, name: str, newest: Newest, found: Any) -> None:
        broken = Break(
            event.sender, event.object_pk, event.using, name, newest.value, found,
            newest.event, event.pk, newest.at, event.occurred_at,
        )  # fmt: skip
        self._waiting.append((self._seen + PATIENCE, broken))

    def _came_before(self, event: Told, name: str, old: Any, new: Any) -> bool:
        """Whether this event is what an earlier one found unexplained: the two were recorded in the other order."""
        if self.in_order:
            return False
        for at, (_, waiting) in enumerate(self._waiting):
            if (
                waiting.field == name
                and not surely_differ(waiting.known, old)
                and not surely_differ(new, waiting.found)
            ):
                del self._waiting[at]
                return True
        return False

    def _add_late(self, event: Told) -> None:
        """A write past Django that a trigger told of; it became an event after others that came later."""
        names = {name for name, _, _ in _pairs(event.changes)}
        makes_or_ends = event.signal != "silent_update"
        self._waiting = [
            (due, found)
            for due, found in self._waiting
            if found.after_at + CLOCKS_DIFFER < event.occurred_at
            or not (makes_or_ends or found.field in names)
        ]  # fmt: skip
        for name, _, new in _pairs(event.changes):
            newest = self._known.get(name)
            if newest is not None and newest.at < event.occurred_at:
                self._known[name] = Newest(new, event.pk, event.occurred_at)


def _is_vague(event: Told) -> bool:
    """Whether the event holds what its writer believed, or not all that was written."""
    if event.error.startswith(INCOMPLETE):
        return True
    return event.signal in (POST_SAVE, POST_DELETE) and not isinstance(event.overwrote, list)


def _pairs(changes: Any) -> Iterator[tuple[str, Any, Any]]:
    if type(changes) is dict or isinstance(changes, Mapping):
        for name, change in changes.items():
            if type(change) is list and len(change) == 2:
                yield name, change[0], change[1]
