"""Looks for breaks while the log grows, in the background of one server, so that pages can count them.

It follows the log behind what is settled, some hundred ids at a time, and asks once for what was told before of all the
rows among them. Whoever saves pays nothing. Where the log grows faster than it can be looked at, the search goes on
near its end, and what it left out is told; so does it where it begins, in a log that was there before.
``signal_verify --continuity`` looks at everything.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Final

from django.db import OperationalError, connections, transaction
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from signal_log import clock
from signal_log.audit.breaks.continuity import OF_A_ROW, Break, Event
from signal_log.audit.breaks.reading import LATE, BulkOfStory, Chains, Explained, broken
from signal_log.audit.breaks.told_rows import told
from signal_log.conf import conf
from signal_log.event import COMMITTED, DATABASE
from signal_log.models import BreakState, FoundBreak, SignalEvent
from signal_log.rows import labels_of_row
from signal_log.seal import elected
from signal_log.seal.settled import Horizon, newest_id
from signal_log.vendor import vendor_of

IDS_AT_ONCE: Final = 500
KNOWN: Final = 50
"""Of a row, how many of its earlier events tell what is known of it."""
STORIES: Final = 500
"""Of how many rows that is remembered, so that one which is saved all the time costs no query each time."""
DELAY: Final = timedelta(seconds=3)
"""How old an event has to be: a bulk write, or a guarded table's trigger, may explain it a moment later."""
SECONDS: Final = 0.2
"""For which a step looks, of the second that it takes: sealing shares its thread."""
MOST_BEHIND: Final = 50_000
"""In ids; further behind, the search goes on at the newest ``RECENT`` ids."""
RECENT: Final = 2_000
MOST_KEPT: Final = 10_000
MOST_SKIPPED: Final = 100

Row = tuple[tuple[str, ...], str]
"""The labels of a row, and its key."""


class Search:
    """One process's search; all its methods are called by one thread."""

    def __init__(self, is_over: Callable[[], bool] = lambda: False) -> None:
        self.is_elsewhere = False
        """Whether another process is elected."""
        self._is_over = is_over
        self._horizon = Horizon()
        self._stories: OrderedDict[Row, list[Event]] = OrderedDict()
        self._at = -1
        """Up to where ``_stories`` tell all."""

    def step(self) -> bool:
        """Look on for a moment, if no other process does; whether this one is elected. Raises a database's error."""
        self.is_elsewhere = not elected.stand(elected.BREAKS)
        if self.is_elsewhere:
            return False
        try:
            self._step()
        except OperationalError as error:
            if vendor_of(connections[conf.DATABASE]) != "sqlite" or "locked" not in str(error):
                raise
        return True

    def _step(self) -> None:
        state = BreakState.objects.first() or self._begun()
        newest = newest_id()
        if newest < state.last_id:  # emptied, or put back
            FoundBreak.objects.filter(after__gt=newest).delete()
            BreakState.objects.filter(pk=state.pk).update(last_id=newest)
            state.last_id = newest
        settled = self._horizon.settled(state.last_id)
        if settled - state.last_id > MOST_BEHIND:
            state.skipped = [*state.skipped, [state.last_id + 1, settled - RECENT]][-MOST_SKIPPED:]
            state.last_id = settled - RECENT
        until = clock.monotonic() + SECONDS
        while state.last_id < settled and not self._is_over() and clock.monotonic() < until:
            if not self._look(state, min(settled, state.last_id + IDS_AT_ONCE)):
                break

    def _begun(self) -> BreakState:
        """The state of a log in which nobody has looked yet."""
        last_id = max(0, newest_id() - RECENT)
        given = {"last_id": last_id, "skipped": [[1, last_id]] if last_id else [], "looked_at": clock.now()}
        return BreakState.objects.get_or_create(pk=1, defaults=given)[0]

    def _look(self, state: BreakState, high: int) -> bool:
        """Look at the events up to an id; whether all of them are old enough, and nobody else has looked meanwhile."""
        low = state.last_id
        rows = _of_rows().filter(pk__gt=low, pk__lte=high).exclude(object_pk="").order_by("pk")
        events = list(told(rows, IDS_AT_ONCE))
        now = clock.now()
        # A clock of another machine may be ahead of this one's; that must not hold up the search.
        young = next((one.pk for one in events if timedelta(0) <= now - one.occurred_at < DELAY), None)
        if young is not None:
            high = young - 1
            events = [one for one in events if one.pk < young]
        if high <= low:
            return False
        if self._at != low:
            self._stories.clear()
        stories = self._told_of(events, low)
        found, gone = self._breaks_in(stories, low)
        if not _keep(state, low, high, found, gone):
            self._at = -1
            return False
        self._remember(stories, high)
        return young is None

    def _told_of(self, events: Iterable[Event], low: int) -> dict[Row, list[Event]]:
        """The stories of the rows of these events: what was told before, then what is new."""
        new: dict[Row, list[Event]] = {}
        for event in events:
            new.setdefault((_labels(event), event.object_pk), []).append(event)
        before = {row: self._stories[row] for row in new if row in self._stories}
        for event in _earlier([row for row in new if row not in before], low):
            before.setdefault((_labels(event), event.object_pk), []).append(event)
        return {row: [*before.get(row, ()), *added] for row, added in new.items()}

    def _breaks_in(self, stories: Mapping[Row, Sequence[Event]], low: int) -> tuple[list[Break], list[int]]:
        """The breaks that are new; and the events of which none is left, as a guarded table has told of the write."""
        found: list[Break] = []
        gone: list[int] = []
        of_model: dict[tuple[str, ...], tuple[Chains, Explained]] = {}
        first: dict[tuple[str, ...], int] = {}
        for (labels, _), story in stories.items():
            first[labels] = min(story[0].pk, first.get(labels, story[0].pk))
        for (labels, _), story in stories.items():
            if labels not in of_model:
                bulk = BulkOfStory(labels, first[labels], low + IDS_AT_ONCE + LATE)
                of_model[labels] = Chains(labels), Explained(labels, bulk)
            chains, explained = of_model[labels]
            broken_here = [one for one in broken(story, chains) if not explained(one)]
            found += [one for one in broken_here if one.after > low]
            if any(event.source == DATABASE and event.pk > low for event in story):
                left = {one.after for one in broken_here}
                gone += [event.pk for event in story if event.pk not in left]
        return found, gone

    def _remember(self, stories: Mapping[Row, list[Event]], high: int) -> None:
        for row, story in stories.items():
            self._stories[row] = story[-KNOWN:]
            self._stories.move_to_end(row)
        while len(self._stories) > STORIES:
            self._stories.popitem(last=False)
        self._at = high


def _labels(event: Event) -> tuple[str, ...]:
    return tuple(labels_of_row(event.sender))


def _of_rows() -> QuerySet[SignalEvent]:
    return SignalEvent.objects.filter(signal__in=OF_A_ROW, outcome=COMMITTED)


def _earlier(rows: Sequence[Row], low: int) -> list[Event]:
    """The newest events of each of these rows up to an id, oldest first, in one query."""
    if not rows:
        return []
    keys: dict[tuple[str, ...], list[str]] = {}
    for labels, key in rows:
        keys.setdefault(labels, []).append(key)
    these = reduce(or_, (Q(sender__in=labels, object_pk__in=of_model) for labels, of_model in keys.items()))
    of_a_row = [F("sender"), F("object_pk")]
    rank = Window(RowNumber(), partition_by=of_a_row, order_by=F("id").desc())
    newest = _of_rows().filter(these, pk__lte=low).annotate(rank=rank).filter(rank__lte=KNOWN)
    return list(told(SignalEvent.objects.filter(pk__in=newest.order_by().values("pk")).order_by("pk"), 2_000))


def _keep(state: BreakState, low: int, high: int, found: Sequence[Break], gone: Sequence[int]) -> bool:
    """Write down what was found, and how far; False if somebody else has looked there meanwhile."""
    now = clock.now()
    with transaction.atomic(using=conf.DATABASE):
        state.found += len(found)
        reached = {"last_id": high, "found": state.found, "skipped": state.skipped, "looked_at": now}
        # Where it began: it may have been set back, or on, since the row was read.
        as_read = BreakState.objects.filter(pk=state.pk, looked_at=state.looked_at)
        if not as_read.update(**reached):
            return False
        if gone:
            FoundBreak.objects.filter(after__in=gone).delete()
        rows = [FoundBreak(after=one.after, before=one.before, field=one.field[:200], found_at=now) for one in found]
        made = FoundBreak.objects.using(conf.DATABASE).bulk_create(rows, ignore_conflicts=True) if rows else ()
        if made and (newest := FoundBreak.objects.order_by("-pk").values_list("pk", flat=True).first()):
            FoundBreak.objects.filter(pk__lte=newest - MOST_KEPT).delete()
    state.last_id, state.looked_at = high, now
    return True
