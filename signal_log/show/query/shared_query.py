"""Validates the query string of a view to be shared, and converts it to the history's form."""

from __future__ import annotations

import re
from typing import Final

from django.core.exceptions import TooManyFieldsSent
from django.http import QueryDict

from signal_log.errors import SharedViewError
from signal_log.filters import KEYS
from signal_log.show.query.query import EVERY, MOMENTS, parse

LONGEST: Final = 2000
LIST: Final = "view"
COLUMNS: Final = "cols"
OF_THE_LIVE_PAGE: Final = {
    LIST: re.compile("cascades|operations|signals"),
    COLUMNS: re.compile(r"(?=.{1,300}\Z)[a-z]+(-\d{1,4})?(\.[a-z]+(-\d{1,4})?)*"),
}


def checked(text: str) -> str:
    """The view's query string, normalised to ASCII; raises ``SharedViewError`` if it is invalid."""
    if len(text) > LONGEST:
        raise SharedViewError(_too_long(len(text)))
    sent = _read(text)
    accepted = (*KEYS, *MOMENTS, *OF_THE_LIVE_PAGE)
    for key in sent:
        if key not in accepted:
            raise SharedViewError(f"A view cannot contain {key[:50]!r}. Accepted: {', '.join(accepted)}.")
    problems = parse(sent, own=tuple(OF_THE_LIVE_PAGE)).problems
    if problems:
        raise SharedViewError(" ".join(problems.values()))
    for key, form in OF_THE_LIVE_PAGE.items():
        for value in sent.getlist(key):
            if not form.fullmatch(value):
                raise SharedViewError(f"{key}={value[:50]!r} is not valid in a view.")
    encoded = sent.urlencode()
    if len(encoded) > LONGEST:
        raise SharedViewError(_too_long(len(encoded)))
    return encoded


def for_history(query: str) -> str:
    """The view as a query string for the history: its filters and time range, and every signal if it lists signals."""
    sent = QueryDict(query, mutable=True)
    if sent.get(LIST) == "signals":
        sent[EVERY] = "1"
    for key in OF_THE_LIVE_PAGE:
        sent.pop(key, None)
    return sent.urlencode()


def _read(text: str) -> QueryDict:
    try:
        return QueryDict(text)
    except TooManyFieldsSent:
        raise SharedViewError("The view has too many filters. Remove some.") from None


def _too_long(length: int) -> str:
    return f"The view is {length:,} characters long. The limit is {LONGEST:,}. Remove some of its filters."
