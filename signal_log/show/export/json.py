"""``/events/?format=json``: the history in the websocket's format, for the live page to load older events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict

from signal_log.audit.shown import listed
from signal_log.seal.canonical import timestamp
from signal_log.show.formats import FORMAT
from signal_log.show.query.archive_columns import can_answer
from signal_log.show.query.archive_reach import reaches_to
from signal_log.show.query.archived import NOTHING, Archived, read_on
from signal_log.show.query.paging import Page, matching, read_page
from signal_log.show.query.query import Query, parse
from signal_log.show.query.unmatched import unmatched
from signal_log.store.read import as_mapping, events
from signal_log.tail import wire

SIZE: Final = "size"
DEFAULT_SIZE: Final = 500
MAX_SIZE: Final = 1_000


def answer(request: HttpRequest) -> HttpResponse:
    """Signals newest first, with the next page's position in ``older``, which is null at the start of the log.

    ``head`` is the highest id in the log, read before the events: who asks again ``after`` it misses none that has
    been committed by then.
    """
    sent = request.GET
    query = parse(sent, own=(FORMAT, SIZE))
    size = size_of(query, sent)
    if query.problems:
        return JsonResponse(query.refusal, status=400)
    head = None if query.before else events().order_by("-pk").values_list("pk", flat=True).first() or 0
    page = read_page(*matching(query), size=size, before=query.before, after=query.after)
    page, archived = _read_on(page, query, size)
    listed(request, page.events)
    about = orjson.dumps(
        {
            "head": head,
            "older": page.older,
            "newer": page.newer,
            "searched_to": page.searched_to,
            "since": query.since and timestamp(query.since),
            "until": query.until and timestamp(query.until),
            "unmatched": why_nothing(query, page),
            "archived": _told(archived),
        }
    ).decode()
    lines = ",".join(wire.encode(as_mapping(event)).text for event in page.events)
    return HttpResponse(f'{{"events":[{lines}],{about[1:]}', content_type="application/json")


def _read_on(page: Page, query: Query, size: int) -> tuple[Page, Archived]:
    """The page with what the archive has between its ends.

    The newest events come at once: where the archive has only older ones than the table, they are the next page.
    """
    top = reaches_to() if can_answer(query.filters) else 0
    if top and not query.before and query.after is None and all(event.pk > top for event in page.events):
        older = page.older or (page.events[-1].pk if page.events else top + 1)
        return replace(page, older=older), NOTHING
    return read_on(
        page, query.filters, size=size, before=query.before, after=query.after, every=True, since=query.since,
        until=query.until,
    )  # fmt: skip


def _told(archived: Archived) -> dict[str, Any] | None:
    """What is said of the archive; null if it was not asked, or has nothing."""
    if not archived.is_told:
        return None
    return {"place": archived.place, "events": len(archived.events), "problem": archived.problem}


def why_nothing(query: Query, page: Page) -> list[str]:
    """Of filters without any match so far, which of them nothing can ever match."""
    if page.events or query.before or query.after:
        return []
    return list(unmatched(query.filters, options=False))


def size_of(query: Query, sent: QueryDict) -> int:
    """How many events are asked for; what is wrong with it becomes a problem of the query."""
    text = sent.get(SIZE, str(DEFAULT_SIZE))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_SIZE)) and 1 <= int(text) <= MAX_SIZE):
        query.problems[SIZE] = f"'{SIZE}' must be a number from 1 to {MAX_SIZE:,}, not {text[:50]!r}."
        return DEFAULT_SIZE
    return int(text)
