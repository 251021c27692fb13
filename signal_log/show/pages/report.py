"""``?format=report`` of an object or an account: an audit report to print, which is itself an event of an export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from signal_log import clock
from signal_log.audit.own_events import EXPORTED, tell
from signal_log.audit.shown import listed
from signal_log.models import SealCheckpoint, SealTree, SignalEvent
from signal_log.permission import EXPORT, may
from signal_log.seal.canonical import stored_bytes
from signal_log.seal.iceberg.conditions import Conditions
from signal_log.seal.state import seal_state
from signal_log.seal.stored import Places, newest_checkpoint
from signal_log.show.export.answer import refused
from signal_log.show.pages.history import FOLDED_AWAY, fold
from signal_log.show.pages.story import narrowed, pills
from signal_log.show.query.archived import read_on
from signal_log.show.query.paging import read_page, span_for
from signal_log.show.query.query import Query
from signal_log.show.unprinted import unprinted
from signal_log.show.words.moments import zone
from signal_log.show.words.operations import Line
from signal_log.show.words.sealing import standing
from signal_log.show.words.text import one_line, visible
from signal_log.store.span import Events

NAME: Final = "report"
MOST: Final = 1_000
"""Operations in one report: the newest."""


@dataclass(frozen=True, slots=True)
class About:
    """What a report is about."""

    title: str
    what: str
    filters: dict[str, list[str]]
    """As the event of the report names it."""
    address: str
    own: Conditions
    """The account or the row, as an archive has it."""


@dataclass
class Row:
    """One operation of a report."""

    line: Line
    seal: str

    @property
    def actor_pk(self) -> str:
        """The key of who did it."""
        return visible(self.line.event.actor_pk)

    @property
    def origin(self) -> list[str]:
        """From where: the request or the program, the client's address, and the place in code."""
        event = self.line.event
        told = (self.line.request_line, event.remote_addr or "", event.source, event.call_site)
        return [one_line(text, 200) for text in dict.fromkeys(told) if text]

    @property
    def labels(self) -> list[str]:
        """What was said of it, such as a reason."""
        labels = self.line.event.labels
        return [one_line(f"{name}: {value}", 300) for name, value in labels.items()] if isinstance(labels, dict) else []


def report(request: HttpRequest, about: About, recorded: Events, query: Query) -> HttpResponse:
    """The page, for who may take events away; it is told as an event before anything of it is sent."""
    if not may(request.user, EXPORT):
        return refused()
    found = narrowed(recorded, query)
    page = read_page(found.exclude(FOLDED_AWAY), span_for(found), size=MOST, keep=fold)
    page, archived = read_on(
        page, query.filters, size=MOST, before=None, after=None, every=False, since=query.since, until=query.until,
        of=about.own,
    )  # fmt: skip
    if request.method != "HEAD":
        filters = about.filters | {name: values for name, values in query.given.items() if values}
        up_to = page.events[0].pk if page.events else 0
        tell(EXPORTED, format=NAME, filters=filters, up_to=up_to, operations=len(page.events))
    listed(request, page.events)
    seals = _seals(page.events)
    state = seal_state()
    context: dict[str, Any] = {
        "about": about,
        "archived": archived,
        "pills": pills(request, query),
        "rows": unprinted(Row(Line(event), seals(event)) for event in page.events),
        "number": len(page.events),
        "most": MOST,
        "is_cut": page.older is not None,
        "searched_to": page.searched_to,
        "newest": page.events[0] if page.events else None,
        "oldest": page.events[-1] if page.events else None,
        "made_at": clock.now(),
        "made_by": visible(request.user.get_username()),
        "made_by_pk": visible(str(request.user.pk)),
        "site": visible(request.get_host()),
        "standing": standing(state),
        "verification": state.verification,
        "zone": zone(),
    }
    return render(request, "signal_log/report.html", context)


def _seals(found: Sequence[SignalEvent]) -> Callable[[SignalEvent], str]:
    """How each event is sealed, in words; tiles are read in the order of ids, each once."""
    places, signed = Places(), dict[int, SealCheckpoint | None]()
    words: dict[int, str] = {}
    for event in sorted(found, key=lambda one: one.pk):
        place = places.of(event.pk, stored_bytes(event.digest))
        if place is None:
            words[event.pk] = "not sealed"
            continue
        checkpoint = _signed(signed, place.tree)
        covered = checkpoint is not None and checkpoint.size > place.leaf
        words[event.pk] = f"leaf {place.leaf:,}, {'signed' if covered else 'not signed yet'}"
    return lambda event: words[event.pk]


def _signed(known: dict[int, SealCheckpoint | None], tree: SealTree) -> SealCheckpoint | None:
    if tree.pk not in known:
        known[tree.pk] = newest_checkpoint(tree, signed=True)
    return known[tree.pk]
