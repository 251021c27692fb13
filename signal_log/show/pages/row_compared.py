"""``/events/?from=&to=``: leads to the comparison of a row's two events, or moments, on the row's own page."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from signal_log.show.links import field_names, in_query, object_url
from signal_log.show.query.compare import KEYS
from signal_log.store.read import events
from signal_log.store.span import LARGEST_ID

OBJECT: Final = "object"


def is_asked(given: QueryDict) -> bool:
    """Whether the history is asked to compare."""
    return any(given.get(key) for key in KEYS)


def row_compared(request: HttpRequest) -> HttpResponse:
    """Redirect to the page of the row that ``object`` names, or one of the events is about; 400 if there is none."""
    given = request.GET
    address = _named(given.get(OBJECT, "")) or next(filter(None, (_of_event(given.get(key, "")) for key in KEYS)), "")
    if not address:
        reason = (
            "'from' and 'to' are the numbers of two events of one row, or two times, for which "
            "object=app.Model/key names the row."
        )
        context = {
            "title": "Nothing to compare", "reason": reason, "address": request.path, "words": "Open the history",
            "status": 400,
        }  # fmt: skip
        return render(request, "signal_log/not_found.html", context, status=400)
    return redirect(in_query(address, **{key: given[key] for key in KEYS if given.get(key)}))


def _named(text: str) -> str:
    label, _, pk = text.partition("/")
    return object_url(label, pk) if pk and field_names(label) else ""


def _of_event(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= LARGEST_ID):
        return ""
    found = events().filter(pk=int(text)).values_list("sender", "object_pk").first()
    return object_url(*found) if found else ""
