"""A strip on the page: what the requests before it fired, and a place for what its scripts' requests fire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from debug_toolbar.settings import get_config
from django.http import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import NoReverseMatch

from signal_log.show.cascade.operation import Cascade, Operation
from signal_log.show.cascade.phrase import mark, phrase
from signal_log.show.links import url
from signal_log.show.toolbar.before import LONGEST_WORDS, Step
from signal_log.show.words.kinds import model_name, short_name
from signal_log.show.words.text import duration, one_line

NO_TRACE: Final = "00000000-0000-0000-0000-000000000000"
DEEDS: Final = {"created": "made", "updated": "changed", "deleted": "deleted"}


def insert(response: HttpResponseBase, steps: Sequence[Step], nonce: str | None, *, is_ours: bool = False) -> None:
    """Put the strip where the toolbar will be, usually the end of the body; a page that has no such place stays.

    On a page of ours it tells nothing of what scripts ask: their requests, such as a pin, are the log's own.
    """
    content: bytes = getattr(response, "content", b"")
    end = content.lower().rfind(get_config()["INSERT_BEFORE"].lower().encode())
    if end < 0:
        return
    told = [step_as_json(step) for step in steps]
    context = {"steps": told, "address": address_of(NO_TRACE), "nonce": nonce, "is_ours": is_ours}
    strip = render_to_string("signal_log/toolbar_strip.html", context)
    charset = getattr(response, "charset", "utf-8")
    response.content = content[:end] + strip.encode(charset, "xmlcharrefreplace") + content[end:]  # type: ignore[attr-defined]
    if response.has_header("Content-Length"):
        response.headers["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined]


def step_as_json(step: Step) -> dict[str, Any]:
    """A step for templates: what to say, and where its trace is."""
    receiver, _, rest = step.words.partition("\t")
    fired = f"{step.operations} operation{'' if step.operations == 1 else 's'}" if step.operations else ""
    return {
        "method": one_line(step.method, 20),
        "fired": fired,
        "took": duration(step.taken_us),
        "receiver": receiver,
        "words": rest,
        "url": address_of(step.trace) if step.trace else "",
    }


def address_of(trace: str) -> str:
    """The address of a trace's page; empty if the host has not mounted the pages."""
    try:
        return url("trace", trace)
    except NoReverseMatch:
        return ""


def deed(cascade: Cascade) -> str:
    """What a receiver did, ``create_profile``, a tab and ``made a Profile``; else the first operation in words."""
    first = next((one for one in cascade.operations if one.receiver), None)
    if first is None:
        first = cascade.operations[0]
    receiver = one_line(short_name(first.receiver), LONGEST_WORDS)
    return f"{receiver}\t{one_line(_done(first), LONGEST_WORDS)}"


def _done(operation: Operation) -> str:
    marked = mark(operation)
    if operation.verb not in DEEDS or marked:
        return f"{phrase(operation)}{f' [{marked}]' if marked else ''}"
    name = model_name(operation.last.sender)
    article = "an" if name[:1] in "AEIO" else "a"
    return f"{DEEDS[operation.verb]} {article} {name}"
