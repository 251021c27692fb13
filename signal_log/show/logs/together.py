"""One page of all logs: each is asked the history's query, and the answers are merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from signal_log.models import SignalEvent
from signal_log.show.logs.asking import Answer, begin
from signal_log.show.logs.known import known, own_origin
from signal_log.show.logs.merging import Found, Merged, merge
from signal_log.show.logs.named import Log, others
from signal_log.show.logs.sound import checked
from signal_log.show.query.paging import Keep, matching, reached_at, read_page
from signal_log.show.query.query import Query
from signal_log.store.reading import read_from

Events = Found[SignalEvent]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of each log."""

    query: Query
    size: int
    before: Mapping[str, int]
    after: Mapping[str, int]
    leave_out: Q | None = None
    keep: Keep = list

    def of(self, log: Log) -> Events:
        """What the log that is read here has."""
        found, span = matching(self.query)
        page = read_page(
            found if self.leave_out is None else found.exclude(self.leave_out),
            span,
            size=self.size,
            before=None if self.after else self.before.get(log.origin),
            after=self.after[log.origin] - 1 if self.after else None,
            keep=self.keep,
        )
        more = page.newer if self.after else page.older
        return Found(log.origin, page.events, more is not None, page.searched_to, reached_at(page))

    def of_another(self, log: Log) -> Events:
        """What another log has, which others write."""
        found = self.of(log)
        checked(found.events)
        return found


class Told(NamedTuple):
    """A page of all logs, and what has to be said of it."""

    page: Merged[SignalEvent]
    logs: list[Log]
    """Those that have answered, the own one first."""
    problems: list[str]
    """Of each log that is not on the page: why."""
    searching: list[tuple[Log, datetime]]
    """Those that were not searched to their end, and up to when."""


def together(asked: Asked) -> Told:
    """Read this log, from where it is read here, and all others beside it."""
    here = known()
    own = Log(own_origin(here), read_from(), is_own=True)
    problems: list[str] = []
    named = []
    for log in others():
        if log.origin == own.origin:
            problems.append(f"{log.origin} is named in LOGS, and is this log itself.")
        elif asked.after and log.origin not in asked.after:
            problems.append(f"{log.origin} did not answer when this walk began; the newest page has it.")
        else:
            named.append(log)
    answers = begin(named, asked.of_another)
    is_left_out = bool(asked.after) and own.origin not in asked.after
    own_found: Events = Found(own.origin, []) if is_left_out else asked.of(own)
    found, logs, seen = [own_found], [own], {here.identity: own.origin}
    for answer in answers():
        if problem := answer.problem or _twice(answer, seen):
            problems.append(problem)
        elif answer.told is not None:
            found.append(answer.told)
            logs.append(answer.log)
    page = merge(found, asked.after or asked.before, size=asked.size, upwards=bool(asked.after))
    times = {one.origin: one.reached for one in found if one.searched_to is not None}
    searching = [(log, at) for log in logs if (at := times.get(log.origin)) is not None]
    return Told(page, logs, problems, searching)


def _twice(answer: Answer[Events], seen: dict[str, str]) -> str:
    """Why a log is not shown that is there under another name."""
    identity = answer.known.identity if answer.known else ""
    if identity and identity in seen:
        return f"{answer.log.origin} is not shown: its database holds the same log as that of {seen[identity]}."
    seen[identity] = answer.log.origin
    return ""
