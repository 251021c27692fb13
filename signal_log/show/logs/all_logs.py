"""One page of all logs: each is asked the history's query, and the answers are merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q, QuerySet

from signal_log.models import SignalEvent
from signal_log.show.logs.asking import Answer, begin
from signal_log.show.logs.known import known, own_origin
from signal_log.show.logs.merging import Found, Merged, Place, merge
from signal_log.show.logs.named import Log, others
from signal_log.show.logs.sound import checked
from signal_log.show.query.paging import Keep, matching, reached_at, read_page
from signal_log.show.query.query import Query
from signal_log.store.reading import read_from
from signal_log.store.span import LARGEST_ID

Events = Found[SignalEvent]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of each log."""

    query: Query
    size: int
    before: Mapping[str, Place]
    after: Mapping[str, Place]
    leave_out: Q | None = None
    keep: Keep = list

    def of(self, log: Log) -> Events:
        """What the log that is read here has."""
        place = (self.after or self.before).get(log.origin)
        joined_at = self._place_at(place) if isinstance(place, datetime) else None
        number = joined_at if isinstance(place, datetime) else place
        found, span = matching(self.query)
        page = read_page(
            self._shown(found),
            span,
            size=self.size,
            before=None if self.after else number,
            after=(LARGEST_ID if number is None else number - 1) if self.after else None,
            keep=self.keep,
        )
        more = page.newer if self.after else page.older
        return Found(log.origin, page.events, more is not None, page.searched_to, reached_at(page), joined_at)

    def _place_at(self, moment: datetime) -> int | None:
        """The id of the first event that happened after a moment, as far as there is time to look; None without one."""
        found, span = matching(replace(self.query, since=max(self.query.since or moment, moment)))
        page = read_page(self._shown(found).filter(occurred_at__gt=moment), span, size=1, after=0, keep=self.keep)
        if page.events:
            return int(page.events[-1].pk)
        return None if page.searched_to is None else page.searched_to + 1

    def _shown(self, found: QuerySet[SignalEvent]) -> QuerySet[SignalEvent]:
        return found if self.leave_out is None else found.exclude(self.leave_out)

    def of_another(self, log: Log) -> Events:
        """What another log has, which others write."""
        found = self.of(log)
        checked(found.events)
        return found


class Answered(NamedTuple):
    """A page of all logs, and what has to be said of it."""

    page: Merged[SignalEvent]
    logs: list[Log]
    """Those that have answered, the own one first."""
    problems: list[str]
    """Of each log that is not on the page: why."""
    searching: list[tuple[Log, datetime]]
    """Those that were not searched to their end, and up to when."""
    joined: list[tuple[str, datetime]]
    """The logs that did not answer on a page above, and from when back they are shown here."""


def ask_all_logs(question: Question) -> Answered:
    """Read this log, from where it is read here, and all others beside it."""
    here = known()
    own = Log(own_origin(here), read_from(), is_own=True)
    problems: list[str] = []
    named = []
    for log in others():
        if log.origin == own.origin:
            problems.append(f"{log.origin} is named in LOGS, and is this log itself.")
        elif question.after and log.origin not in question.after:
            problems.append(f"{log.origin} did not answer when this walk began; the newest page has it.")
        else:
            named.append(log)
    answers = begin(named, question.of_another)
    is_left_out = bool(question.after) and own.origin not in question.after
    own_found: Events = Found(own.origin, []) if is_left_out else question.of(own)
    found, logs, seen = [own_found], [own], {here.identity: own.origin}
    for answer in answers():
        if problem := answer.problem or _twice(answer, seen):
            problems.append(problem)
        elif answer.found is not None:
            found.append(answer.found)
            logs.append(answer.log)
    away = {log.origin for log in named} - {log.origin for log in logs}
    page = merge(found, question.after or question.before, size=question.size, upwards=bool(question.after), away=away)
    times = {one.origin: one.reached for one in found if one.searched_to is not None}
    searching = [(log, at) for log in logs if (at := times.get(log.origin)) is not None]
    joined = [(log.origin, place) for log in logs if isinstance(place := question.before.get(log.origin), datetime)]
    return Answered(page, logs, problems, searching, joined)


def _twice(answer: Answer[Events], seen: dict[str, str]) -> str:
    """Why a log is not shown that is there under another name."""
    identity = answer.known.identity if answer.known else ""
    if identity and identity in seen:
        return f"{answer.log.origin} is not shown: its database holds the same log as that of {seen[identity]}."
    seen[identity] = answer.log.origin
    return ""
