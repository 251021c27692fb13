"""``/past-writes/``: what was written past Django, as events have found it, and as JSON for the live page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render

from signal_log.audit.breaks import found_breaks
from signal_log.audit.shown import listed
from signal_log.show.access import for_observers
from signal_log.show.formats import format_of, formats
from signal_log.show.links import url
from signal_log.show.methods import reads
from signal_log.show.query import past_writes
from signal_log.show.unprinted import unprinted
from signal_log.show.words.moments import zone
from signal_log.store.span import LARGEST_ID


@reads
@for_observers
@formats("json")
def past_writes_page(request: HttpRequest) -> HttpResponseBase:
    """The list, newest first; ``?format=json&after=`` tells which events above an id found which fields."""
    try:
        before, after = _id(request, "before"), _id(request, "after")
    except ValueError as problem:
        return HttpResponse(f"{problem}\n", status=400, content_type="text/plain; charset=utf-8")
    lately = found_breaks.since(after or 0)
    if format_of(request) == "json":
        told = {"found": list(lately.fields.items()), "skipped": lately.skipped, "looked_to": lately.looked_to}
        return JsonResponse(told)
    page = past_writes.read(before)
    listed(request, [found.line.event for found in page.found])
    context = {
        "found": unprinted(page.found),
        "older_url": url("past_writes", before=str(page.older)) if page.older else "",
        "is_newest": before is None,
        "newest_url": url("past_writes"),
        "skipped": lately.skipped,
        "has_looked": lately.looked_to > 0 or bool(lately.skipped),
        "zone": zone(),
    }
    return render(request, "signal_log/past_writes.html", context)


def _id(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= LARGEST_ID):
        raise ValueError(f"'{name}' must be the id of an event.")
    return int(text)
